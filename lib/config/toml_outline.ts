/** One word of a table header, with its place in the text. */
export interface HeaderWord {
  /** Without quotes. */
  readonly name: string;
  /** Offset of its first character, which may be a quote. */
  readonly start: number;
  /** Offset behind its last character. */
  readonly end: number;
}

interface Place {
  readonly key: number;
  readonly value: number;
}

type Path = readonly (string | number)[];

/** Line and column of an offset, both from 1. */
export function lineAndColumn(
  text: string,
  offset: number,
): { readonly line: number; readonly column: number } {
  const before = text.slice(0, offset);
  const lineStart = before.lastIndexOf("\n") + 1;
  return {
    line: before.split("\n").length,
    column: offset - lineStart + 1,
  };
}

/** Deeper than any configuration, and far from overflowing the stack. */
const MAX_DEPTH = 64;

/**
 * Where the tables and keys of a TOML text stand, which the parser does not
 * tell. Takes any text: what is not TOML is skipped, since the parser reports
 * it.
 */
export class TomlOutline {
  readonly #headers: HeaderWord[][] = [];
  /** By the path as JSON. */
  readonly #places = new Map<string, Place>();
  readonly #text: string;
  #at = 0;

  /** Walks the text once; every loop either moves on or ends. */
  constructor(text: string) {
    this.#text = text;
    this.#document();
  }

  /** Every `[table]` header, in order; not `[[arrays]]`. */
  get headers(): readonly (readonly HeaderWord[])[] {
    return this.#headers;
  }

  /** Whether the text names this path itself. */
  has(path: readonly (string | number)[]): boolean {
    return this.#places.has(JSON.stringify(path));
  }

  /**
   * Offset of a key, or of the nearest table around it that stands in the
   * text; 0 when there is none.
   *
   * @param path of the parsed document; numbers index arrays
   * @param part `key` where it is named, `value` where its value begins
   */
  offsetOf(path: readonly (string | number)[], part: "key" | "value"): number {
    for (let length = path.length; length > 0; length--) {
      const place = this.#places.get(JSON.stringify(path.slice(0, length)));
      if (place !== undefined) {
        return length === path.length ? place[part] : place.key;
      }
    }
    return 0;
  }

  #document(): void {
    let table: Path = [];
    this.#skipBlank();
    while (this.#at < this.#text.length) {
      if (this.#peek() === "[") table = this.#header() ?? table;
      else this.#keyValue(table, 0);
      this.#match(/[^\n]*/y);
      this.#skipBlank();
    }
  }

  /** @returns the table's path, or undefined when it is not a header */
  #header(): Path | undefined {
    const isArray = this.#text.startsWith("[[", this.#at);
    this.#at += isArray ? 2 : 1;
    const words = this.#key();
    if (words.length === 0 || this.#peek() !== "]") return undefined;
    if (!isArray) this.#headers.push(words);
    const path = words.map(({ name }) => name);
    words.forEach(({ start: key }, i) =>
      this.#record(path.slice(0, i + 1), key, key)
    );
    return path;
  }

  #keyValue(table: Path, depth: number): void {
    const words = this.#key();
    if (words.length === 0 || this.#peek() !== "=") return;
    this.#at++;
    this.#skipSpaces();
    const path = [...table, ...words.map(({ name }) => name)];
    words.forEach(({ start: key }, i) =>
      this.#record(path.slice(0, table.length + i + 1), key, this.#at)
    );
    this.#value(path, depth);
  }

  /** Words joined by dots, and the spaces behind them; none for anything else. */
  #key(): HeaderWord[] {
    const words: HeaderWord[] = [];
    while (true) {
      this.#skipSpaces();
      const start = this.#at;
      const quote = this.#peek();
      if (quote === '"' || quote === "'") this.#string();
      else this.#match(/[A-Za-z0-9_-]*/y);
      const end = this.#at;
      if (end === start) return [];
      words.push({ name: unquote(this.#text.slice(start, end)), start, end });
      this.#skipSpaces();
      if (this.#peek() !== ".") return words;
      this.#at++;
    }
  }

  #value(path: Path, depth: number): void {
    switch (this.#peek()) {
      case '"':
      case "'":
        return this.#string();
      case "[":
        return this.#list(depth, "]", (index) => {
          this.#record([...path, index], this.#at, this.#at);
          this.#value([...path, index], depth + 1);
        });
      case "{":
        return this.#list(depth, "}", () => this.#keyValue(path, depth + 1));
      default:
        this.#match(/[^,\]}#\n]*/y);
    }
  }

  #list(depth: number, close: string, item: (index: number) => void): void {
    if (depth >= MAX_DEPTH) return;
    this.#at++;
    for (let index = 0;; index++) {
      this.#skipBlank();
      if (this.#peek() !== close) item(index);
      this.#skipBlank();
      const next = this.#peek();
      if (next === "," || next === close) this.#at++;
      if (next !== ",") return;
    }
  }

  #string(): void {
    const quote = this.#peek();
    const isLiteral = quote === "'";
    if (this.#text.startsWith(quote.repeat(3), this.#at)) {
      // Up to two quotes may stand before the three that close the string.
      this.#match(
        isLiteral
          ? /'''[^]*?(?:'{3,5}|$)/y
          : /"""(?:\\[^]|[^\\])*?(?:"{3,5}|$)/y,
      );
    } else {
      this.#match(isLiteral ? /'[^'\n]*'?/y : /"(?:\\[^\n]|[^"\\\n])*"?/y);
    }
  }

  #record(path: Path, key: number, value: number): void {
    if (this.has(path)) return;
    this.#places.set(JSON.stringify(path), { key, value });
  }

  #peek(): string {
    return this.#text.charAt(this.#at);
  }

  #skipSpaces(): void {
    this.#match(/[ \t]*/y);
  }

  /** Spaces, line breaks and comments. */
  #skipBlank(): void {
    this.#match(/(?:[ \t\r\n]|#[^\n]*)*/y);
  }

  #match(pattern: RegExp): void {
    pattern.lastIndex = this.#at;
    this.#at += pattern.exec(this.#text)?.[0].length ?? 0;
  }
}

function unquote(word: string): string {
  const quote = word.charAt(0);
  if (quote !== '"' && quote !== "'") return word;
  const inner = word.slice(1, word.endsWith(quote) ? -1 : undefined);
  return quote === "'" ? inner : unescape(inner);
}

/** JSON's escapes are TOML's but for a few that no key of ours needs. */
function unescape(inner: string): string {
  try {
    return String(JSON.parse(`"${inner}"`));
  } catch {
    return inner;
  }
}
