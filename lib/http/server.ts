import { whenAborted } from "../core/abort.ts";
import { type Clock, deadline, sleep } from "../core/clock.ts";
import { UserError } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
import { messageOf } from "../core/printable.ts";
import type { HttpApp } from "./app.ts";
import type { Exchange } from "./artifact_response.ts";
import { errorResponse } from "./json_response.ts";

/** A socket that answers; disposing of it lets running downloads finish. */
export interface HttpServer extends AsyncDisposable {
  /** The address it is bound to, such as `0.0.0.0`. */
  readonly hostname: string;
  /** The port it has got. */
  readonly port: number;
}

/** Long enough for the operating system to get something back. */
const RELISTEN_DELAY_MS = 1000;

/**
 * Binds a socket and answers what comes in.
 *
 * @param hostname IP address to bind
 * @param port 0 takes a free one
 * @param drainTimeoutMs how long disposing waits for running downloads before
 * it breaks them off
 * @param signal ends the server at once, without waiting
 * @throws UserError when the socket cannot be had
 */
export function openHttpServer(
  { app, hostname, port, drainTimeoutMs = 1500, clock, logger, signal }: {
    readonly app: HttpApp;
    readonly hostname: string;
    readonly port: number;
    readonly drainTimeoutMs?: number;
    readonly clock: Clock;
    readonly logger: Logger;
    readonly signal: AbortSignal;
  },
): HttpServer {
  signal.throwIfAborted();
  const running = new Set<Promise<unknown>>();
  let draining = false;
  const closing = new AbortController();
  const close = () => closing.abort();
  const open = (wanted: number) =>
    listen({
      hostname,
      port: wanted,
      logger,
      signal: closing.signal,
      handle(request, exchange) {
        const { completed } = exchange;
        running.add(completed);
        const done = () => running.delete(completed);
        completed.then(done, done);
        return draining ? shuttingDown() : app.fetch(request, exchange);
      },
    });
  const server = open(port);
  const { addr } = server;
  const finished = keepListening(server, () => open(addr.port), {
    clock,
    logger,
    signal: closing.signal,
  });
  signal.addEventListener("abort", close, { once: true });
  return {
    hostname: addr.hostname,
    port: addr.port,
    async [Symbol.asyncDispose]() {
      draining = true;
      using limit = deadline(clock, drainTimeoutMs, { signal });
      await Promise.race([allSettled(running), whenAborted(limit.signal)]);
      // Not server.shutdown(): it waits for the slowest reader without limit,
      // and once it was called, aborting throws (BadResource, Deno 2.9).
      close();
      signal.removeEventListener("abort", close);
      await finished;
    },
  };
}

/**
 * Opens the socket again whenever Deno gives it up, which it does for good
 * once a client cannot be accepted, as when idle connections have used up all
 * file descriptors. Connections that are open go on meanwhile.
 *
 * @returns when the signal has aborted
 */
async function keepListening(
  first: Deno.HttpServer,
  reopen: () => Deno.HttpServer,
  { clock, logger, signal }: {
    readonly clock: Clock;
    readonly logger: Logger;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  let server: Deno.HttpServer | undefined = first;
  let told: string | undefined;
  while (!signal.aborted) {
    try {
      server ??= reopen();
      await server.finished;
    } catch (error) {
      if (signal.aborted) return;
      const problem = messageOf(error);
      if (problem !== told) {
        logger.error(
          `Cannot accept HTTP clients: ${problem}; trying again every second`,
        );
      }
      told = problem;
    }
    server = undefined;
    await sleep(clock, RELISTEN_DELAY_MS, { signal }).catch(() => {
      // Closed meanwhile: the loop ends.
    });
  }
}

function listen(
  { hostname, port, logger, signal, handle }: {
    readonly hostname: string;
    readonly port: number;
    readonly logger: Logger;
    readonly signal: AbortSignal;
    readonly handle: (
      request: Request,
      exchange: Exchange,
    ) => Response | Promise<Response>;
  },
): Deno.HttpServer<Deno.NetAddr> {
  try {
    return Deno.serve(
      {
        hostname,
        port,
        signal,
        onListen: () => {},
        // Called when a body breaks off, long after its headers went out: what
        // it returns is not sent.
        onError(error) {
          logger.debug(`A response broke off: ${messageOf(error)}`);
          return new Response(null, { status: 500 });
        },
      },
      (request, { remoteAddr, completed }) =>
        handle(request, {
          // On a socket for both, IPv4 clients look like IPv6 ones.
          client: remoteAddr.hostname.replace(/^::ffff:/, ""),
          completed,
          lendChunks: true,
        }),
    );
  } catch (cause) {
    throw new UserError(bindProblem(cause, `${hostname} port ${port}`), {
      cause,
    });
  }
}

function bindProblem(cause: unknown, where: string): string {
  if (cause instanceof Deno.errors.AddrInUse) {
    return `Cannot serve HTTP on ${where}: another program uses it; stop that program or choose another port with --port`;
  }
  if (cause instanceof Deno.errors.AddrNotAvailable) {
    return `Cannot serve HTTP on ${where}: this machine does not have that address; choose another with --bind`;
  }
  if (cause instanceof Deno.errors.PermissionDenied) {
    return `Cannot serve HTTP on ${where}: not allowed; choose a port above 1023 with --port`;
  }
  return `Cannot serve HTTP on ${where}: ${
    messageOf(cause)
  }; check --bind and --port`;
}

/** The answer to who comes while the last downloads are finished. */
function shuttingDown(): Response {
  return errorResponse(503, "This provider is shutting down: ask another", {
    "retry-after": "5",
  });
}

async function allSettled(
  promises: ReadonlySet<Promise<unknown>>,
): Promise<void> {
  while (promises.size > 0) await Promise.allSettled(promises);
}
