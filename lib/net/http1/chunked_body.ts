import { readHeaderLine, TOKEN } from "./header_lines.ts";

/** What the reader of a chunked body accepts. */
export interface ChunkedBodyRules {
  /** The digits of a chunk's size, in hexadecimal. */
  readonly maxSizeDigits: number;
  /** Longest size line or trailer. */
  readonly maxLineBytes: number;
  /** Whether blanks may end a line with a size. */
  readonly paddedSizes: boolean;
}

/** For a body that is only skipped; just under 16 MiB a chunk is plenty. */
export const REQUEST_CHUNKS: ChunkedBodyRules = {
  maxSizeDigits: 6,
  maxLineBytes: 1024,
  paddedSizes: false,
};

/** For what a mirror may send: old servers pad the chunk sizes. */
export const REPLY_CHUNKS: ChunkedBodyRules = {
  maxSizeDigits: 8,
  maxLineBytes: 32_768,
  paddedSizes: true,
};

const LF = 10;
/** RFC 9110, section 5.6.4. */
const QUOTED_STRING =
  '"(?:[\\t \\x21\\x23-\\x5b\\x5d-\\x7e\\x80-\\xff]|\\\\[\\t \\x21-\\x7e\\x80-\\xff])*"';
/**
 * A size and optional extensions (RFC 9112, section 7.1.1), all of them
 * ignored.
 */
const SIZE_LINE = new RegExp(
  `^([0-9a-f]+)(?:[ \\t]*;[ \\t]*${TOKEN}` +
    `(?:[ \\t]*=[ \\t]*(?:${TOKEN}|${QUOTED_STRING}))?)*([ \\t]*)$`,
  "i",
);

/** Reads a chunked body (RFC 9112, section 7.1), as it is received. */
export class ChunkedBody {
  readonly #rules: ChunkedBodyRules;
  #state: "size" | "data" | "end of data" | "trailer" = "size";
  #left = 0;
  #line = "";

  constructor(rules: ChunkedBodyRules) {
    this.#rules = rules;
  }

  /**
   * Takes what was received, and gives the data in it.
   *
   * @returns how many of these bytes belong to the body, when it ends among
   * them; undefined when there is more to come
   * @throws RangeError that says why this is no chunked body
   */
  *read(bytes: Uint8Array): Generator<Uint8Array, number | undefined> {
    let at = 0;
    while (at < bytes.length) {
      if (this.#state === "data") {
        const data = bytes.subarray(at, at + this.#left);
        at += data.length;
        this.#left -= data.length;
        if (this.#left === 0) this.#state = "end of data";
        yield data;
        continue;
      }
      const line = this.#endOfLine(bytes[at++] ?? 0);
      if (line !== undefined && this.#endsWith(line)) return at;
    }
    return undefined;
  }

  /** Like `read`, for a body that is discarded. */
  skip(bytes: Uint8Array): number | undefined {
    const parts = this.read(bytes);
    for (let part = parts.next();; part = parts.next()) {
      if (part.done) return part.value;
    }
  }

  /** @returns the line, when the byte ends one */
  #endOfLine(byte: number): string | undefined {
    if (byte !== LF) {
      if (this.#line.length >= this.#rules.maxLineBytes) {
        throw new RangeError("the header is too long");
      }
      this.#line += String.fromCharCode(byte);
      return undefined;
    }
    // Unlike in a request's head, LF alone is refused: attacks live on that
    // doubt.
    if (!this.#line.endsWith("\r")) {
      throw new RangeError("a line ends without CR LF");
    }
    const line = this.#line.slice(0, -1);
    this.#line = "";
    return line;
  }

  /** @returns whether the body ends with this line */
  #endsWith(line: string): boolean {
    switch (this.#state) {
      case "size":
        this.#left = this.#sizeIn(line);
        this.#state = this.#left === 0 ? "trailer" : "data";
        return false;
      case "trailer":
        if (line === "") return true;
        if (readHeaderLine(line) === undefined) {
          throw new RangeError("a header field is malformed");
        }
        return false;
      default:
        if (line !== "") throw new RangeError("a chunk has no end");
        this.#state = "size";
        return false;
    }
  }

  #sizeIn(line: string): number {
    const { maxSizeDigits, paddedSizes } = this.#rules;
    const [, digits = "", blanks = ""] = SIZE_LINE.exec(line) ?? [];
    if (digits === "" || (blanks !== "" && !paddedSizes)) {
      throw new RangeError(
        "a chunk's size is not a number, or a chunk extension is malformed",
      );
    }
    if (digits.length > maxSizeDigits) {
      throw new RangeError("a chunk is too long");
    }
    return Number.parseInt(digits, 16);
  }
}
