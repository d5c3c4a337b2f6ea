/** Enough for any chunk that is skipped: 16 MiB less one. */
const MAX_SIZE_DIGITS = 6;
/** Longest size line or trailer. */
const MAX_LINE_BYTES = 1024;

const LF = 10;
/** A size and, perhaps, extensions. */
const SIZE_LINE = /^([0-9a-f]+)(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?$/i;

/**
 * Finds the end of a chunked body (RFC 9112, section 7.1), which nobody here
 * wants to read: only where the next request begins.
 */
export class ChunkedBodySkipper {
  #state: "size" | "data" | "end of data" | "trailer" = "size";
  #left = 0;
  #line = "";

  /**
   * Takes what was received.
   *
   * @returns how many of these bytes belong to the body, when it ends among
   * them; undefined when there is more to come
   * @throws RangeError when this is no chunked body
   */
  take(bytes: Uint8Array): number | undefined {
    let at = 0;
    while (at < bytes.length) {
      if (this.#state === "data") {
        const count = Math.min(this.#left, bytes.length - at);
        at += count;
        this.#left -= count;
        if (this.#left === 0) this.#state = "end of data";
        continue;
      }
      const byte = bytes[at++] ?? 0;
      if (byte !== LF) {
        if (this.#line.length >= MAX_LINE_BYTES) throw new RangeError("long");
        this.#line += String.fromCharCode(byte);
        continue;
      }
      // Unlike in a head, LF alone is refused: attacks live on that doubt.
      if (!this.#line.endsWith("\r")) throw new RangeError("LF without CR");
      const line = this.#line.slice(0, -1);
      this.#line = "";
      if (this.#endOfLine(line)) return at;
    }
    return undefined;
  }

  /** @returns whether the body has ended */
  #endOfLine(line: string): boolean {
    switch (this.#state) {
      case "size": {
        const digits = SIZE_LINE.exec(line)?.[1];
        if (digits === undefined || digits.length > MAX_SIZE_DIGITS) {
          throw new RangeError("no chunk size");
        }
        this.#left = Number.parseInt(digits, 16);
        this.#state = this.#left === 0 ? "trailer" : "data";
        return false;
      }
      case "trailer":
        return line === "";
      default:
        if (line !== "") throw new RangeError("a chunk longer than its size");
        this.#state = "size";
        return false;
    }
  }
}
