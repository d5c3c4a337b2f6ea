/**
 * Reads what a connection has into a buffer.
 *
 * @returns how many bytes, or null at the end
 */
export type ReadBytes = (buffer: Uint8Array) => Promise<number | null>;

/**
 * The limit for the status line, all fields, the sizes of chunks and the
 * trailers together, since each could be repeated without end.
 */
const MAX_LINE_BYTES = 32_768;

/** How much is read at once where the caller has no buffer. */
export const PART_BYTES = 16_384;

const LF = 10;

/** The bytes of a connection, by line or by number. */
export class ReplyInput {
  readonly #read: ReadBytes;
  readonly #buffer = new Uint8Array(PART_BYTES);
  #start = 0;
  #end = 0;
  #lineBytesLeft = MAX_LINE_BYTES;

  constructor(read: ReadBytes) {
    this.#read = read;
  }

  /** Whether nothing has been received that was not read. */
  get isEmpty(): boolean {
    return this.#start === this.#end;
  }

  /** A line without its end, one character per byte. */
  async line(): Promise<string> {
    let line = "";
    while (!line.endsWith("\n")) {
      const bytes = await this.received();
      const end = bytes.indexOf(LF) + 1;
      const part = end === 0 ? bytes : bytes.subarray(0, end);
      this.skip(part.length);
      this.countLineBytes(part.length);
      line += String.fromCharCode(...part);
    }
    if (!line.endsWith("\r\n")) throw new Error("a line ends without CR LF");
    return line.slice(0, -2);
  }

  /**
   * What has been received, some bytes at least.
   *
   * @returns valid until the next call of any method but `skip`
   * @throws Error at the end of the connection
   */
  async received(): Promise<Uint8Array> {
    if (this.isEmpty) {
      const count = await this.#read(this.#buffer);
      this.#start = 0;
      this.#end = some(count);
    }
    return this.#buffer.subarray(this.#start, this.#end);
  }

  /** Takes off what was received. @param count all, without */
  skip(count = this.#end - this.#start): void {
    this.#start += count;
  }

  /** Bounds what is no content. @throws Error when it is too much */
  countLineBytes(count: number): void {
    this.#lineBytesLeft -= count;
    if (this.#lineBytesLeft < 0) throw new Error("the header is too long");
  }

  /** Reads into a buffer. @returns how many bytes, or null at the end */
  async read(buffer: Uint8Array): Promise<number | null> {
    if (this.isEmpty) return await this.#read(buffer) || null;
    const bytes = this.#buffer.subarray(this.#start, this.#end)
      .subarray(0, buffer.length);
    buffer.set(bytes);
    this.#start += bytes.length;
    return bytes.length;
  }

  /** The same. @throws Error at the end of the connection */
  async readSome(buffer: Uint8Array): Promise<number> {
    return some(await this.read(buffer));
  }
}

function some(count: number | null): number {
  if (count === null || count === 0) {
    throw new Error("the connection was closed before the end");
  }
  return count;
}
