import { whenAborted } from "../../core/abort.ts";
import { type Clock, deadline, sleep } from "../../core/clock.ts";
import type { Logger } from "../../core/log.ts";
import { messageOf } from "../../core/printable.ts";
import { httpBaseUrl, unmappedAddress } from "../ip_address.ts";
import { acceptClients } from "./accept_clients.ts";
import { answerOrElse } from "./answer_or_else.ts";
import { errorAnswer } from "./answers.ts";
import {
  type ConnectionTimeouts,
  DEFAULT_CONNECTION_TIMEOUTS,
  HttpConnection,
} from "./connection.ts";
import type { Answer, Exchange, HttpHandler } from "./handler.ts";
import { formatHttpDate } from "./http_date.ts";
import { openListeners } from "./listeners.ts";
import type { RequestHead } from "./request_head.ts";

/** A socket that answers; disposing of it lets running downloads finish. */
export interface HttpServer extends AsyncDisposable {
  /** The address it is bound to, such as `::` for every one. */
  readonly hostname: string;
  /** The port it has got. */
  readonly port: number;
}

/** What a server needs. */
export interface HttpServerOptions {
  /** Answers the requests. */
  readonly handler: HttpHandler;
  /** IP address to bind; `::` for every address of both families. */
  readonly hostname: string;
  /** 0 takes a free one. */
  readonly port: number;
  /**
   * How long disposing waits for running downloads before it breaks them off.
   * @default 1500
   */
  readonly drainTimeoutMs?: number;
  /** What differs from DEFAULT_CONNECTION_TIMEOUTS. */
  readonly timeouts?: Partial<ConnectionTimeouts>;
  /** For timeouts, and the date of answers. */
  readonly clock: Clock;
  /** Where problems are logged. */
  readonly logger: Logger;
  /** Ends the server at once, without waiting. */
  readonly signal: AbortSignal;
}

/** How often clients that take too long are looked for. */
const DEADLINE_CHECK_MS = 1000;
/** When clients that come during shutdown may try again. */
const RETRY_AFTER_SECONDS = 5;

/**
 * Binds a socket and serves its clients.
 *
 * @throws what the system says, with its code, when the socket cannot be had
 */
export function openHttpServer(options: HttpServerOptions): HttpServer {
  const { hostname, port, signal } = options;
  signal.throwIfAborted();
  return new TcpHttpServer(openListeners(hostname, port), options);
}

class TcpHttpServer implements HttpServer {
  readonly hostname: string;
  readonly port: number;
  readonly #options: HttpServerOptions;
  readonly #listeners: readonly Deno.TcpListener[];
  readonly #timeouts: ConnectionTimeouts;
  readonly #date: () => string;
  /** Each with a promise that settles when it has ended. */
  readonly #connections = new Map<HttpConnection, Promise<void>>();
  readonly #closing = new AbortController();
  readonly #working: Promise<unknown>;
  #isDraining = false;

  constructor(
    listeners: ReturnType<typeof openListeners>,
    options: HttpServerOptions,
  ) {
    const { clock, logger, signal, timeouts } = options;
    const [{ addr }] = listeners;
    this.hostname = addr.hostname;
    this.port = addr.port;
    this.#options = options;
    this.#listeners = listeners;
    this.#timeouts = { ...DEFAULT_CONNECTION_TIMEOUTS, ...timeouts };
    this.#date = httpDateClock(clock);
    signal.addEventListener("abort", this.#close, { once: true });
    const accepting = listeners.map((listener) =>
      acceptClients(listener, {
        serve: (tcp) => this.#serve(tcp),
        // Idle connections make room for new ones.
        makeRoom: () => {
          for (const connection of this.#connections.keys()) {
            if (connection.isIdle) connection.close();
          }
        },
        clock,
        logger,
        signal: this.#closing.signal,
      })
    );
    this.#working = Promise.all([...accepting, this.#checkDeadlines()]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { clock, signal, handler, drainTimeoutMs = 1500 } = this.#options;
    this.#isDraining = true;
    using limit = deadline(clock, drainTimeoutMs, { signal });
    await Promise.race([this.#allAnswered(), whenAborted(limit.signal)]);
    this.#close();
    signal.removeEventListener("abort", this.#close);
    await Promise.all([this.#working, ...this.#connections.values()]);
    handler.close?.();
  }

  #serve(tcp: Deno.TcpConn): void {
    try {
      // Answers are written whole: there is nothing to wait for.
      tcp.setNoDelay(true);
    } catch {
      return tcp.close(); // The client is gone already.
    }
    const connection = new HttpConnection({
      connection: tcp,
      client: unmappedAddress(tcp.remoteAddr.hostname),
      serverUrl: httpBaseUrl(
        unmappedAddress(tcp.localAddr.hostname),
        tcp.localAddr.port,
      ),
      clock: this.#options.clock,
      date: this.#date,
      timeouts: this.#timeouts,
      respond: (head, exchange) => this.#respond(head, exchange),
      isDraining: () => this.#isDraining,
    });
    const ended = connection.run().finally(() =>
      this.#connections.delete(connection)
    );
    this.#connections.set(connection, ended);
  }

  #respond(head: RequestHead, exchange: Exchange): Answer | Promise<Answer> {
    if (this.#isDraining) return shuttingDown();
    const { handler, logger } = this.#options;
    return answerOrElse(() => handler.answer(head, exchange), (error) => {
      logger.error(`Cannot answer an HTTP request: ${messageOf(error)}`);
      return errorAnswer(500, "Internal error: see the log of this server");
    });
  }

  /** @returns when the server is closed */
  async #checkDeadlines(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      await sleep(this.#options.clock, DEADLINE_CHECK_MS, { signal }).catch(
        () => {
          // Closed meanwhile: the loop ends.
        },
      );
      for (const connection of this.#connections.keys()) {
        connection.checkDeadline();
      }
    }
  }

  /**
   * Waits until no answer is under way; clients that come now get short ones.
   */
  async #allAnswered(): Promise<void> {
    for (const connection of this.#connections.keys()) {
      await connection.whenAnswered();
    }
  }

  readonly #close = (): void => {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    for (const listener of this.#listeners) listener.close();
    for (const connection of this.#connections.keys()) connection.close();
  };
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

/** The answer to a request that comes while the last downloads are finished. */
function shuttingDown(): Answer {
  return errorAnswer(503, "This server is shutting down: try another", {
    "Retry-After": String(RETRY_AFTER_SECONDS),
  });
}
