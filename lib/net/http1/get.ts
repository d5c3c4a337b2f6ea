import { VERSION } from "../../core/version.ts";
import { IdleConnections } from "./idle_connections.ts";
import {
  type HttpGet,
  type HttpReply,
  readHttpReply,
  type ReplyOnConnection,
} from "./reply.ts";
import { replyBody } from "./reply_body.ts";

/** How to send a request. */
export interface GetOptions {
  /** For TLS, in addition to Deno's own. */
  readonly authorities?: Authorities | undefined;
  /** Besides those that every request has. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Ends it, the reading of its body included. */
  readonly signal: AbortSignal;
}

/**
 * Sends a GET request, to any port, without following redirects. `fetch` is
 * used for proxies only: it refuses ports of other protocols (Fetch standard,
 * 2.9), and its first call costs 3.5 ms more than a connection of our own,
 * since it loads web streams and all certificate authorities, on a path of 20
 * ms in all.
 *
 * @throws Error when nobody answers, the signal's reason when it aborts first
 */
export async function httpGet(
  url: URL,
  options: GetOptions,
): Promise<HttpReply> {
  return await get(url, options);
}

/** Further authorities that certificates may come from. */
export interface Authorities {
  /** PEM texts. */
  readonly caCerts: string[];
  /** The same for `fetch`. */
  readonly client: Deno.HttpClient;
}

/** Sends requests over connections that it keeps for further ones. */
export interface HttpClient extends Disposable {
  /** Like `httpGet`. */
  readonly get: HttpGet;
}

/**
 * A client for many requests to one server: each connection serves one request
 * after another, as long as bodies are read to the end.
 *
 * @param options `authorities`: for TLS, besides Deno's own
 */
export function openHttpClient(
  { authorities }: { readonly authorities?: Authorities | undefined } = {},
): HttpClient {
  const idle: Idle = new IdleConnections();
  return {
    get: (url, options) => get(url, { ...options, authorities }, idle),
    [Symbol.dispose]: () => idle[Symbol.dispose](),
  };
}

type Idle = IdleConnections<Deno.Conn>;

async function get(
  url: URL,
  { authorities, headers = {}, signal }: GetOptions,
  idle?: Idle,
): Promise<HttpReply> {
  if (hasProxy(url)) {
    const client = authorities?.client;
    return replyOf(
      await fetch(url, {
        headers,
        signal,
        redirect: "manual",
        ...client !== undefined && { client },
      }),
    );
  }
  const exchange = {
    request: requestFor(url, headers, idle !== undefined),
    origin: url.origin,
    idle,
    signal,
  };
  const kept = idle?.take(url.origin);
  if (kept !== undefined) {
    try {
      return await ask(kept, exchange);
    } catch (error) {
      if (!(error instanceof UnansweredError)) throw error;
      // The server was about to close it: a GET request may be sent again over
      // another (RFC 9112, section 9.3.1).
    }
  }
  try {
    const caCerts = authorities?.caCerts ?? [];
    return await ask(await connect(url, caCerts, signal), exchange);
  } catch (error) {
    throw error instanceof UnansweredError ? error.cause : error;
  }
}

/** A connection ended before a reply began; the cause says how. */
class UnansweredError extends Error {}

async function connect(
  url: URL,
  caCerts: string[],
  signal: AbortSignal,
): Promise<Deno.Conn> {
  signal.throwIfAborted();
  const isTls = url.protocol === "https:";
  const hostname = url.hostname.replace(/^\[|\]$/g, "");
  const port = Number(url.port || (isTls ? 443 : 80));
  const plain = await Deno.connect({ hostname, port, signal });
  return isTls ? await Deno.startTls(plain, { hostname, caCerts }) : plain;
}

/** @throws UnansweredError, or an Error that says what is wrong with the reply */
async function ask(
  connection: Deno.Conn,
  { request, origin, idle, signal }: {
    readonly request: Uint8Array;
    readonly origin: string;
    readonly idle: Idle | undefined;
    readonly signal: AbortSignal;
  },
): Promise<HttpReply> {
  let isOpen = true;
  let hasBegun = false;
  const close = () => {
    if (isOpen) connection.close();
    isOpen = false;
    signal.removeEventListener("abort", close);
  };
  signal.addEventListener("abort", close);
  const read = async (buffer: Uint8Array) => {
    try {
      const count = await connection.read(buffer);
      hasBegun ||= count !== null;
      return count;
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    }
  };
  let reply: ReplyOnConnection;
  try {
    signal.throwIfAborted();
    for (let unsent = request; unsent.length > 0;) {
      unsent = unsent.subarray(await connection.write(unsent));
    }
    reply = await readHttpReply(read);
  } catch (error) {
    close();
    signal.throwIfAborted();
    throw hasBegun ? error : new UnansweredError("no answer", { cause: error });
  }
  return {
    ...reply,
    [Symbol.dispose]() {
      if (!isOpen || idle === undefined || !reply.isReusable()) return close();
      isOpen = false;
      signal.removeEventListener("abort", close);
      idle.put(origin, connection);
    },
  };
}

/** A URL has no line breaks and no spaces, so it cannot say anything else. */
function requestFor(
  url: URL,
  headers: Readonly<Record<string, string>>,
  isKept: boolean,
): Uint8Array {
  return new TextEncoder().encode([
    `GET ${url.pathname}${url.search} HTTP/1.1`,
    `Host: ${url.host}`,
    `User-Agent: plasm/${VERSION}`,
    "Accept: */*",
    "Accept-Encoding: identity",
    ...isKept ? [] : ["Connection: close"],
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    "\r\n",
  ].join("\r\n"));
}

/** The same reply in the words of this room. */
export function replyOf({ status, headers, body }: Response): HttpReply {
  const reader = body?.getReader();
  let part: Uint8Array = new Uint8Array();
  return {
    status,
    headers: [...headers],
    location: headers.get("location") ?? undefined,
    body: replyBody(async (buffer) => {
      while (part.length === 0) {
        const next = await reader?.read();
        if (next === undefined || next.done) return null;
        part = next.value;
      }
      const some = part.subarray(0, buffer.length);
      buffer.set(some);
      part = part.subarray(some.length);
      return some.length;
    }),
    [Symbol.dispose]() {
      // Fails when it has failed: over either way.
      reader?.cancel().catch(() => {});
    },
  };
}

/** Whether `fetch` would go through one; it heeds the same variables. */
function hasProxy({ protocol }: URL): boolean {
  const scheme = protocol.slice(0, -1);
  return [`${scheme}_proxy`, "all_proxy"].some((name) =>
    [name, name.toUpperCase()].some((one) => Deno.env.get(one) !== undefined)
  );
}
