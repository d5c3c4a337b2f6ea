import { whenAborted } from "../../core/abort.ts";
import { type Clock, deadline, sleep } from "../../core/clock.ts";
import { UserError } from "../../core/errors.ts";
import type { Logger } from "../../core/log.ts";
import { messageOf } from "../../core/printable.ts";
import { acceptClients } from "./accept_clients.ts";
import {
  type ConnectionTimeouts,
  DEFAULT_CONNECTION_TIMEOUTS,
  HttpConnection,
} from "./connection.ts";
import type { Exchange, HttpApp, LentAnswer } from "./http_app.ts";
import { formatHttpDate } from "./http_date.ts";
import { errorResponse } from "./json_response.ts";
import type { RequestHead } from "./request_head.ts";

/** A socket that answers; disposing of it lets running downloads finish. */
export interface HttpServer extends AsyncDisposable {
  /** The address it is bound to, such as `0.0.0.0`. */
  readonly hostname: string;
  /** The port it has got. */
  readonly port: number;
}

/** How often it is looked for clients that take too long. */
const DEADLINE_CHECK_MS = 1000;

/**
 * Binds a socket and answers what comes in.
 *
 * @param hostname IP address to bind
 * @param port 0 takes a free one
 * @param drainTimeoutMs how long disposing waits for running downloads before
 * it breaks them off
 * @param timeouts what differs from DEFAULT_CONNECTION_TIMEOUTS
 * @param signal ends the server at once, without waiting
 * @throws UserError when the socket cannot be had
 */
export function openHttpServer(
  {
    app,
    hostname,
    port,
    drainTimeoutMs = 1500,
    timeouts,
    clock,
    logger,
    signal,
  }: {
    readonly app: HttpApp;
    readonly hostname: string;
    readonly port: number;
    readonly drainTimeoutMs?: number;
    readonly timeouts?: Partial<ConnectionTimeouts>;
    readonly clock: Clock;
    readonly logger: Logger;
    readonly signal: AbortSignal;
  },
): HttpServer {
  signal.throwIfAborted();
  const listener = listen(hostname, port);
  const connections = new Map<HttpConnection, Promise<void>>();
  const date = httpDateClock(clock);
  let isDraining = false;
  const closing = new AbortController();
  const close = () => {
    closing.abort();
    listener.close();
    for (const connection of connections.keys()) connection.close();
  };

  async function respond(
    head: RequestHead,
    exchange: Exchange,
  ): Promise<Response | LentAnswer> {
    try {
      if (isDraining) return shuttingDown();
      const again = app.again?.(head, exchange);
      if (again !== undefined) return await again;
      let lent: Pick<LentAnswer, "body" | "lengthBytes"> | undefined;
      const response = await app.fetch(requestOf(head), {
        ...exchange,
        lend: (body, lengthBytes) => lent = { body, lengthBytes },
      });
      const { status, headers } = response;
      return lent === undefined ? response : { status, headers, ...lent };
    } catch (error) {
      logger.error(`Cannot answer an HTTP request: ${messageOf(error)}`);
      return errorResponse(500, "Something went wrong here: see the log");
    }
  }

  function serve(tcp: Deno.TcpConn): void {
    try {
      // Answers are written whole: there is nothing to wait for.
      tcp.setNoDelay(true);
    } catch {
      return tcp.close(); // The client is gone already.
    }
    const connection = new HttpConnection({
      connection: tcp,
      // On a socket for both, IPv4 clients look like IPv6 ones.
      client: tcp.remoteAddr.hostname.replace(/^::ffff:/, ""),
      clock,
      date,
      fromMemory: (head) => app.fromMemory?.(head, date()),
      timeouts: { ...DEFAULT_CONNECTION_TIMEOUTS, ...timeouts },
      respond,
      isDraining: () => isDraining,
    });
    const ended = connection.run().finally(() =>
      connections.delete(connection)
    );
    connections.set(connection, ended);
  }

  const accepting = acceptClients(listener, {
    serve,
    // Those who wait for nothing make room for those who want something.
    makeRoom() {
      for (const connection of connections.keys()) {
        if (connection.isIdle) connection.close();
      }
    },
    clock,
    logger,
    signal: closing.signal,
  });
  const checking = checkDeadlines(connections, {
    clock,
    signal: closing.signal,
  });

  signal.addEventListener("abort", close, { once: true });
  const { addr } = listener;
  return {
    hostname: addr.hostname,
    port: addr.port,
    async [Symbol.asyncDispose]() {
      isDraining = true;
      using limit = deadline(clock, drainTimeoutMs, { signal });
      await Promise.race([allAnswered(connections), whenAborted(limit.signal)]);
      if (!closing.signal.aborted) close();
      signal.removeEventListener("abort", close);
      await Promise.all([accepting, checking, ...connections.values()]);
      app.close?.();
    },
  };
}

/** @returns when the signal has aborted */
async function checkDeadlines(
  connections: ReadonlyMap<HttpConnection, unknown>,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<void> {
  while (!signal.aborted) {
    await sleep(clock, DEADLINE_CHECK_MS, { signal }).catch(() => {
      // Closed meanwhile: the loop ends.
    });
    for (const connection of connections.keys()) connection.checkDeadline();
  }
}

/** The present time as an HTTP-date, written out once a second. */
function httpDateClock(clock: Clock): () => string {
  let second = NaN;
  let text = "";
  return () => {
    const nowMs = clock.now();
    if (Math.floor(nowMs / 1000) !== second) {
      second = Math.floor(nowMs / 1000);
      text = formatHttpDate(nowMs);
    }
    return text;
  };
}

/** No URL is made from what the client sent: the app has the request line. */
function requestOf({ method, headers }: RequestHead): Request {
  return new Request("http://plasmd/", {
    method: method === "HEAD" ? "HEAD" : "GET",
    headers: headers.map(([name, value]) => [name, value]),
  });
}

function listen(hostname: string, port: number): Deno.TcpListener {
  try {
    return Deno.listen({ hostname, port });
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

/** Waits until no answer is under way: those who come now get short ones. */
async function allAnswered(
  connections: ReadonlyMap<HttpConnection, unknown>,
): Promise<void> {
  for (const connection of connections.keys()) await connection.whenAnswered();
}
