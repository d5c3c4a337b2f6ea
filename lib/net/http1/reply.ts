import { type FramingDoubt, readBodyFraming } from "./body_framing.ts";
import { ChunkedBody, REPLY_CHUNKS } from "./chunked_body.ts";
import { type HeaderFields, readHeaderLine, valuesOf } from "./header_lines.ts";

/** What answers a GET request. Disposing of it ends the connection. */
export interface HttpReply extends Disposable {
  /** Three digits. */
  readonly status: number;
  /** In the order they came. */
  readonly headers: HeaderFields;
  /** Where a redirect leads. */
  readonly location: string | undefined;
  /**
   * Can be read once. Throws when it breaks off before its end, or is not
   * written as HTTP asks for.
   */
  readonly body: AsyncIterable<Uint8Array>;
}

/**
 * Sends a GET request and follows no redirect; passed in where it is needed.
 *
 * Throws an Error when nobody answers, and the signal's reason when it aborts
 * first.
 */
export type HttpGet = (
  url: URL,
  options: {
    /** Besides those that every request has; `Range`, for example. */
    readonly headers?: Readonly<Record<string, string>>;
    readonly signal: AbortSignal;
  },
) => Promise<HttpReply>;

/**
 * Reads what a connection has into a buffer.
 *
 * @returns how many bytes, or null at the end
 */
export type ReadBytes = (buffer: Uint8Array) => Promise<number | null>;

/**
 * For the status line, all fields, the sizes of chunks and the trailers, since
 * each may be repeated without end.
 */
const MAX_LINE_BYTES = 32_768;

const BUFFER_BYTES = 16_384;

const LF = 10;

/** What stands before a reply's body. */
interface ReplyHead {
  readonly status: number;
  readonly headers: HeaderFields;
}

/**
 * Reads the reply to a GET request (RFC 9112), and is stricter than the RFC
 * asks for wherever readers are known to differ: the other side is not trusted.
 *
 * @param read reads the connection; nothing else may
 * @returns without the body, which is read as it is asked for
 * @throws Error that says what is wrong with the reply, or what `read` throws
 */
export async function readHttpReply(
  read: ReadBytes,
): Promise<Omit<HttpReply, typeof Symbol.dispose>> {
  const input = new ReplyInput(read);
  let head = await readHead(input);
  // RFC 9110 section 15.2: any number of interim replies may come first.
  while (head.status < 200) head = await readHead(input);
  const { status, headers } = head;
  return {
    status,
    headers,
    location: valuesOf(headers, "location")[0],
    body: bodyOf(input, headers),
  };
}

async function readHead(input: ReplyInput): Promise<ReplyHead> {
  const statusLine = await input.line();
  const status = /^HTTP\/1\.[01] ([1-5]\d\d)(?: |$)/.exec(statusLine)?.[1];
  if (status === undefined) throw new Error("the answer is not HTTP/1.1");
  return { status: Number(status), headers: await readHeaders(input) };
}

async function readHeaders(input: ReplyInput): Promise<HeaderFields> {
  const headers: (readonly [name: string, value: string])[] = [];
  for (;;) {
    const line = await input.line();
    if (line === "") return headers;
    const header = readHeaderLine(line);
    if (header === undefined) throw new Error("a header field is malformed");
    headers.push([header.name, header.value]);
  }
}

const NO_NUMBER = "the answer's Content-Length is no number";

const DOUBTS: Readonly<Record<FramingDoubt, string>> = {
  "length and coding": "the answer says in two ways how long it is",
  "malformed coding": "the answer's Transfer-Encoding is no list of codings",
  "chunked not last": "the answer's Transfer-Encoding does not end in chunked",
  "unknown coding": "the answer has a Transfer-Encoding that is not known here",
  "two lengths": NO_NUMBER,
  "no number": NO_NUMBER,
};

async function* bodyOf(
  input: ReplyInput,
  headers: HeaderFields,
): AsyncGenerator<Uint8Array> {
  const encodings = valuesOf(headers, "content-encoding");
  if (encodings.some((encoding) => encoding.toLowerCase() !== "identity")) {
    throw new Error("the answer is compressed, which it was not asked to be");
  }
  // Servers are known to repeat it (RFC 9112, section 6.3).
  const framing = readBodyFraming(headers, { repeatedLength: true });
  if (typeof framing === "string") throw new Error(DOUBTS[framing]);
  switch (framing.kind) {
    case "none":
      return yield* input.rest();
    case "length":
      return yield* input.bytes(framing.lengthBytes);
    case "chunked":
      return yield* input.chunks();
  }
}

/** The bytes of a connection, by line or by number. */
class ReplyInput {
  readonly #read: ReadBytes;
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  #start = 0;
  #end = 0;
  #lineBytesLeft = MAX_LINE_BYTES;

  constructor(read: ReadBytes) {
    this.#read = read;
  }

  /** A line without its end, one character per byte. */
  async line(): Promise<string> {
    let line = "";
    while (!line.endsWith("\n")) {
      await this.#fill();
      const bytes = this.#buffer.subarray(this.#start, this.#end);
      const end = bytes.indexOf(LF) + 1;
      const part = end === 0 ? bytes : bytes.subarray(0, end);
      this.#start += part.length;
      this.#countLineBytes(part.length);
      line += String.fromCharCode(...part);
    }
    if (!line.endsWith("\r\n")) throw new Error("a line ends without CR LF");
    return line.slice(0, -2);
  }

  /** Exactly so many bytes. */
  async *bytes(count: number): AsyncGenerator<Uint8Array> {
    for (let left = count; left > 0;) {
      await this.#fill();
      const part = this.#take(left);
      left -= part.length;
      yield part;
    }
  }

  /** The data of a chunked body. */
  async *chunks(): AsyncGenerator<Uint8Array> {
    const body = new ChunkedBody(REPLY_CHUNKS);
    for (;;) {
      await this.#fill();
      const received = this.#buffer.subarray(this.#start, this.#end);
      let lineBytes = received.length;
      const parts = body.read(received);
      let part = parts.next();
      for (; !part.done; part = parts.next()) {
        lineBytes -= part.value.length;
        // A copy: the buffer is read into again.
        yield part.value.slice();
      }
      if (part.value !== undefined) return;
      this.#start = this.#end;
      this.#countLineBytes(lineBytes);
    }
  }

  /** All that comes. */
  async *rest(): AsyncGenerator<Uint8Array> {
    while (await this.#hasMore()) yield this.#take(Infinity);
  }

  #countLineBytes(count: number): void {
    this.#lineBytesLeft -= count;
    if (this.#lineBytesLeft < 0) throw new Error("the header is too long");
  }

  #take(maxBytes: number): Uint8Array {
    const part = this.#buffer.slice(
      this.#start,
      Math.min(this.#end, this.#start + maxBytes),
    );
    this.#start += part.length;
    return part;
  }

  async #fill(): Promise<void> {
    if (await this.#hasMore()) return;
    throw new Error("the connection was closed before the end");
  }

  async #hasMore(): Promise<boolean> {
    if (this.#start < this.#end) return true;
    const count = await this.#read(this.#buffer);
    this.#start = 0;
    this.#end = count ?? 0;
    return count !== null && count > 0;
  }
}
