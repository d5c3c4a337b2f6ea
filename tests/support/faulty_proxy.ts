/** A proxy that does one thing wrong, for clients that are to get over it. */

/** What goes wrong: a refusal, or a body that ends in its middle. */
export type FaultKind = "500" | "503" | "cut";

/** What goes wrong, once: with the first request that it is meant for. */
export interface Fault {
  readonly kind: FaultKind;
  readonly method: string;
  /** A regular expression that the request's path matches. */
  readonly path: string;
}

/** Where it listens, whom it asks, and what it does wrong. */
export interface FaultyProxyOptions {
  readonly listener: Deno.TcpListener;
  readonly upstream: { readonly hostname: string; readonly port: number };
  readonly fault?: Fault;
  /** Takes a line for each request. */
  readonly log?: (line: string) => void;
}

const ANSWERS = {
  500: "HTTP/1.1 500 Internal Server Error\r\n",
  503: "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 2\r\n",
};

/** Relays connections, byte by byte but for the fault, until it is closed. */
export async function runFaultyProxy(
  { listener, upstream, fault, log = () => {} }: FaultyProxyOptions,
): Promise<void> {
  let isDone = fault === undefined;
  const take = (method: string, path: string): FaultKind | undefined => {
    if (isDone || fault === undefined || method !== fault.method) return;
    if (!new RegExp(fault.path).test(path)) return;
    isDone = true;
    return fault.kind;
  };
  const relay = async (client: Deno.TcpConn) => {
    using _client = client;
    using server = await Deno.connect(upstream);
    const [asking, answering] = [new Wire(client), new Wire(server)];
    while (true) {
      const head = await asking.head();
      if (head === undefined) return;
      const [method = "", path = ""] = head.split(" ");
      const kind = take(method, path);
      log(`${method} ${path}${kind === undefined ? "" : ` FAULT ${kind}`}`);
      if (kind === "500" || kind === "503") {
        await asking.write(`${ANSWERS[kind]}Content-Length: 0\r\n\r\n`);
        continue;
      }
      await answering.write(head);
      const answer = await answering.head();
      if (answer === undefined) return;
      await asking.write(answer);
      const length = bodyLength(method, answer);
      await answering.pass(
        kind === "cut" ? Math.floor(length / 2) : length,
        asking,
      );
      if (kind === "cut") return;
    }
  };
  for await (const client of listener) {
    relay(client).catch((error) => log(`ended: ${error}`));
  }
}

function bodyLength(method: string, answer: string): number {
  const status = Number(answer.split(" ")[1]);
  if (method === "HEAD" || status === 204 || status === 304) return 0;
  const length = /^content-length: (\d+)\r$/im.exec(answer)?.[1];
  if (length === undefined) throw new Error(`no Content-Length in ${answer}`);
  return Number(length);
}

/** One side of a connection: heads as text, bodies as they come. */
class Wire {
  readonly #connection: Deno.Conn;
  #buffered = new Uint8Array();

  constructor(connection: Deno.Conn) {
    this.#connection = connection;
  }

  /** Up to the empty line, or undefined at the end. */
  async head(): Promise<string | undefined> {
    while (true) {
      const text = new TextDecoder("latin1").decode(this.#buffered);
      const end = text.indexOf("\r\n\r\n");
      if (end >= 0) {
        this.#buffered = this.#buffered.slice(end + 4);
        return text.slice(0, end + 4);
      }
      const more = await this.#read();
      if (more === undefined) return undefined;
      const both = new Uint8Array(this.#buffered.length + more.length);
      both.set(this.#buffered);
      both.set(more, this.#buffered.length);
      this.#buffered = both;
    }
  }

  async write(data: string | Uint8Array): Promise<void> {
    const bytes = typeof data === "string"
      ? new TextEncoder().encode(data)
      : data;
    for (let done = 0; done < bytes.length;) {
      done += await this.#connection.write(bytes.subarray(done));
    }
  }

  /** Passes so many bytes on. */
  async pass(count: number, to: Wire): Promise<void> {
    for (let left = count; left > 0;) {
      const bytes = this.#buffered.length > 0
        ? this.#buffered
        : await this.#read();
      if (bytes === undefined) throw new Error(`${left} bytes are missing`);
      this.#buffered = bytes.slice(left);
      await to.write(bytes.subarray(0, left));
      left -= Math.min(left, bytes.length);
    }
  }

  async #read(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const buffer = new Uint8Array(1 << 16);
    const count = await this.#connection.read(buffer);
    return count === null ? undefined : buffer.subarray(0, count);
  }
}
