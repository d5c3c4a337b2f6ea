import { VERSION } from "../../core/version.ts";
import { type HttpReply, readHttpReply } from "./reply.ts";

/**
 * Sends a GET request and follows no redirect.
 *
 * `fetch` is for TLS and proxies only: the first one of a process costs 3.5 ms
 * more than a connection of our own, as it loads the streams of the web and all
 * authorities, on a path that has 20 ms in all.
 *
 * @param client for TLS, with further authorities than Deno's own
 * @throws Error when nobody answers, the signal's reason when it aborts first
 */
export async function httpGet(
  url: URL,
  { client, signal }: {
    readonly client?: Deno.HttpClient | undefined;
    readonly signal: AbortSignal;
  },
): Promise<HttpReply> {
  return url.protocol === "http:" && !hasProxy()
    ? await getDirectly(url, signal)
    : replyOf(
      await fetch(url, {
        signal,
        redirect: "manual",
        ...client !== undefined && { client },
      }),
    );
}

async function getDirectly(url: URL, signal: AbortSignal): Promise<HttpReply> {
  signal.throwIfAborted();
  const connection = await Deno.connect({
    hostname: url.hostname.replace(/^\[|\]$/g, ""),
    port: Number(url.port || 80),
    signal,
  });
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
    let unsent = requestFor(url);
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
function requestFor(url: URL): Uint8Array {
  return new TextEncoder().encode([
    `GET ${url.pathname}${url.search} HTTP/1.1`,
    `Host: ${url.host}`,
    `User-Agent: plasm/${VERSION}`,
    "Accept: */*",
    "Accept-Encoding: identity",
    "Connection: close",
    "\r\n",
  ].join("\r\n"));
}

/** The same reply in the words of this room. */
export function replyOf({ status, headers, body }: Response): HttpReply {
  return {
    status,
    location: headers.get("location") ?? undefined,
    body: body ?? new Blob().stream(),
    [Symbol.dispose]() {
      // Fails while it is being read or when it has failed: over either way.
      body?.cancel().catch(() => {});
    },
  };
}

/** Whether `fetch` would go through one; it heeds the same variables. */
function hasProxy(): boolean {
  return ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]
    .some((name) => Deno.env.get(name) !== undefined);
}
