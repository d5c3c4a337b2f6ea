/** What answers a GET request. Disposing of it ends the connection. */
export interface HttpReply extends Disposable {
  /** Three digits. */
  readonly status: number;
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
  options: { readonly signal: AbortSignal },
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

/** A reply's head, and what says how long its body is. */
interface ReplyHead {
  readonly status: number;
  /** By name in lower case, in the order they came. */
  readonly fields: ReadonlyMap<string, readonly string[]>;
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
  const { status, fields } = head;
  return {
    status,
    location: fields.get("location")?.[0],
    body: bodyOf(input, fields),
  };
}

async function readHead(input: ReplyInput): Promise<ReplyHead> {
  const statusLine = await input.line();
  const status = /^HTTP\/1\.[01] ([1-5]\d\d)(?: |$)/.exec(statusLine)?.[1];
  if (status === undefined) throw new Error("the answer is not HTTP/1.1");
  return { status: Number(status), fields: await readFields(input) };
}

async function readFields(
  input: ReplyInput,
): Promise<Map<string, readonly string[]>> {
  const fields = new Map<string, readonly string[]>();
  for (;;) {
    const line = await input.line();
    if (line === "") return fields;
    // Section 5: no space before the colon, and no line continues another.
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\0\r]*$/.test(line)) {
      throw new Error("a header field is malformed");
    }
    const colon = line.indexOf(":");
    const key = line.slice(0, colon).toLowerCase();
    fields.set(key, [
      ...fields.get(key) ?? [],
      line.slice(colon + 1).trim(),
    ]);
  }
}

/** Section 6.3: how long the body is. */
async function* bodyOf(
  input: ReplyInput,
  fields: ReadonlyMap<string, readonly string[]>,
): AsyncGenerator<Uint8Array> {
  const lengths = fields.get("content-length");
  const codings = fields.get("transfer-encoding");
  const encoding = fields.get("content-encoding")?.join() ?? "identity";
  if (encoding.toLowerCase() !== "identity") {
    throw new Error("the answer is compressed, which it was not asked to be");
  }
  if (codings !== undefined) {
    if (codings.join().toLowerCase() !== "chunked" || lengths !== undefined) {
      throw new Error("the answer says in two ways how long it is, or in none");
    }
    yield* chunksOf(input);
  } else if (lengths !== undefined) {
    const [length = ""] = new Set(lengths);
    if (new Set(lengths).size > 1 || !/^\d{1,15}$/.test(length)) {
      throw new Error("the answer's Content-Length is no number");
    }
    yield* input.bytes(Number(length));
  } else {
    yield* input.rest();
  }
}

/** Section 7.1. */
async function* chunksOf(input: ReplyInput): AsyncGenerator<Uint8Array> {
  for (;;) {
    const line = await input.line();
    const size = /^([0-9A-Fa-f]{1,8})[ \t]*(?:;|$)/.exec(line)?.[1];
    if (size === undefined) throw new Error("a chunk's size is no number");
    const sizeBytes = parseInt(size, 16);
    if (sizeBytes === 0) break;
    yield* input.bytes(sizeBytes);
    if (await input.line() !== "") throw new Error("a chunk has no end");
  }
  await readFields(input);
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
      this.#lineBytesLeft -= part.length;
      if (this.#lineBytesLeft < 0) throw new Error("the header is too long");
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

  /** All that comes. */
  async *rest(): AsyncGenerator<Uint8Array> {
    while (await this.#hasMore()) yield this.#take(Infinity);
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
