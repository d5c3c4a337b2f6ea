import { errorCode } from "../core/error_code.ts";
import { UserError } from "../core/errors.ts";
import { messageOf } from "../core/printable.ts";
import {
  type HttpServer,
  type HttpServerOptions,
  openHttpServer,
} from "../net/http1/server.ts";

/**
 * Opens the server at the address that the operator has chosen.
 *
 * @throws UserError when it cannot be had, which says what to choose instead
 */
export function bindHttpServer(options: HttpServerOptions): HttpServer {
  const { hostname, port, signal } = options;
  signal.throwIfAborted();
  try {
    return openHttpServer(options);
  } catch (cause) {
    throw new UserError(
      `Cannot serve HTTP on ${hostname} port ${port}: ${whatToMend(cause)}`,
      { cause },
    );
  }
}

function whatToMend(cause: unknown): string {
  switch (errorCode(cause)) {
    case "EADDRINUSE":
      return "another program uses it; stop that program or choose another port with --port";
    case "EADDRNOTAVAIL":
      return "this machine does not have that address; choose another with --bind";
    case "EACCES":
      return "not allowed; choose a port above 1023 with --port";
    default:
      return `${messageOf(cause)}; check --bind and --port`;
  }
}
