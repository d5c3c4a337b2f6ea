import { VERSION } from "../../core/version.ts";
import { type HttpReply, readHttpReply } from "./reply.ts";

/**
 * Sends a GET request and follows no redirect, to whatever port.
 *
 * `fetch` is for proxies only: it refuses the ports that are other protocols'
 * (Fetch standard, 2.9), and the first one of a process costs 3.5 ms more than
 * a connection of our own, as it loads the streams of the web and all
 * authorities, on a path that has 20 ms in all.
 *
 * @param authorities for TLS, besides Deno's own
 * @throws Error when nobody answers, the signal's reason when it aborts first
 */
export async function httpGet(
  url: URL,
  { authorities, headers = {}, signal }: {
    readonly authorities?: Authorities | undefined;
    readonly headers?: Readonly<Record<string, string>>;
    readonly signal: AbortSignal;
  },
): Promise<HttpReply> {
  return hasProxy(url)
    ? replyOf(
      await fetch(url, {
        headers,
        signal,
        redirect: "manual",
        ...authorities !== undefined && { client: authorities.client },
      }),
    )
    : await getDirectly(url, {
      caCerts: authorities?.caCerts ?? [],
      headers,
      signal,
    });
}

/** Further authorities that certificates may come from. */
export interface Authorities {
  /** In PEM. */
  readonly caCerts: string[];
  /** The same for `fetch`. */
  readonly client: Deno.HttpClient;
}

async function getDirectly(
  url: URL,
  { caCerts, headers, signal }: {
    readonly caCerts: string[];
    readonly headers: Readonly<Record<string, string>>;
    readonly signal: AbortSignal;
  },
): Promise<HttpReply> {
  signal.throwIfAborted();
  const isTls = url.protocol === "https:";
  const hostname = url.hostname.replace(/^\[|\]$/g, "");
  const port = Number(url.port || (isTls ? 443 : 80));
  const plain = await Deno.connect({ hostname, port, signal });
  const connection = isTls
    ? await Deno.startTls(plain, { hostname, caCerts })
    : plain;
  let isOpen = true;
  const close = () => {
    if (isOpen) connection.close();
    isOpen = false;
    signal.removeEventListener("abort", close);
  };
  signal.addEventListener("abort", close);
  const read = async (buffer: Uint8Array) => {
    try {
      return await connection.read(buffer);
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    }
  };
  try {
    let unsent = requestFor(url, headers);
    while (unsent.length > 0) {
      unsent = unsent.subarray(await connection.write(unsent));
    }
    const reply = await readHttpReply(read);
    return { ...reply, [Symbol.dispose]: close };
  } catch (error) {
    close();
    throw error;
  }
}

/** A URL has no line breaks and no spaces, so it cannot say anything else. */
function requestFor(
  url: URL,
  headers: Readonly<Record<string, string>>,
): Uint8Array {
  return new TextEncoder().encode([
    `GET ${url.pathname}${url.search} HTTP/1.1`,
    `Host: ${url.host}`,
    `User-Agent: plasm/${VERSION}`,
    "Accept: */*",
    "Accept-Encoding: identity",
    "Connection: close",
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    "\r\n",
  ].join("\r\n"));
}

/** The same reply in the words of this room. */
export function replyOf({ status, headers, body }: Response): HttpReply {
  return {
    status,
    headers: [...headers],
    location: headers.get("location") ?? undefined,
    body: body ?? new Blob().stream(),
    [Symbol.dispose]() {
      // Fails while it is being read or when it has failed: over either way.
      body?.cancel().catch(() => {});
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
