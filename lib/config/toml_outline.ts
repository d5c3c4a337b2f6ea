/** The path of a value in a document: keys, and places in lists from 0. */
export type TomlPath = readonly (string | number)[];

interface Place {
  readonly key: number;
  /** Where the value begins; of a table that has a header, its key. */
  value: number;
  readonly below: Map<string | number, Place>;
}

/** Strings, comments, punctuation, line ends, and words without quotes. */
const TOKENS =
  /"""(?:\\[^]|[^\\])*?"{3,5}|'''[^]*?'{3,5}|"(?:\\.|[^"\\])*"|'[^']*'|#[^\n]*|[[\]{}=.,\n]|[^\s[\]{}=.,#"']+/g;

/** Where the keys and values of a TOML text stand, which its parser does not tell. */
export class TomlOutline {
  readonly #tokens: readonly RegExpExecArray[];
  readonly #root: Place = { key: 0, value: 0, below: new Map() };
  #at = 0;

  /** For a text that the parser accepts; for others the positions are wrong. */
  constructor(text: string) {
    this.#tokens = [...text.matchAll(TOKENS)]
      .filter(([token]) => !token.startsWith("#"));
    let table = this.#root;
    while (this.#at < this.#tokens.length) {
      if (this.#takes("\n") || this.#takes("]")) continue;
      if (this.#takes("[")) table = this.#header();
      else this.#keyValue(table);
    }
  }

  /**
   * Offset of a key, or of the nearest table around it that stands in the
   * text; 0 when there is none.
   *
   * @param part `key` where it is named, `value` where its value begins
   */
  offsetOf(path: TomlPath, part: "key" | "value"): number {
    let place = this.#root;
    for (const name of path) {
      const below = place.below.get(name);
      if (below === undefined) return place.key;
      place = below;
    }
    return place[part];
  }

  /** The header of a table, or of an element of an array of tables. */
  #header(): Place {
    const isItem = this.#takes("[");
    const offset = this.#offset();
    const place = this.#key(this.#root);
    return isItem ? placeBelow(place, place.below.size, offset) : place;
  }

  #keyValue(table: Place): void {
    const place = this.#key(table);
    this.#takes("=");
    place.value = this.#offset();
    this.#value(place);
  }

  /** Words joined by dots. */
  #key(above: Place): Place {
    let place = above;
    do {
      const offset = this.#offset();
      const word = this.#tokens[this.#at++]?.[0] ?? "";
      place = placeBelow(place, unquoted(word), offset);
    } while (this.#takes("."));
    return place;
  }

  #value(place: Place): void {
    if (this.#takes("[")) {
      this.#list(
        "]",
        (index) => this.#value(placeBelow(place, index, this.#offset())),
      );
    } else if (this.#takes("{")) {
      this.#list("}", () => this.#keyValue(place));
    } else {
      do this.#at++; while (
        /^[^,\]}\n]/.test(this.#tokens[this.#at]?.[0] ?? "")
      );
    }
  }

  #list(close: string, item: (index: number) => void): void {
    for (let index = 0; this.#at < this.#tokens.length; index++) {
      while (this.#takes("\n") || this.#takes(",")) {
        // Between items.
      }
      if (this.#takes(close)) return;
      item(index);
    }
  }

  #takes(token: string): boolean {
    const isThere = this.#tokens[this.#at]?.[0] === token;
    if (isThere) this.#at++;
    return isThere;
  }

  #offset(): number {
    return this.#tokens[this.#at]?.index ?? 0;
  }
}

/** What is named more than once, such as the table around others, keeps its place. */
function placeBelow(above: Place, name: string | number, key: number): Place {
  const known = above.below.get(name);
  if (known !== undefined) return known;
  const place = { key, value: key, below: new Map() };
  above.below.set(name, place);
  return place;
}

function unquoted(word: string): string {
  if (word.startsWith("'")) return word.slice(1, -1);
  if (!word.startsWith('"')) return word;
  try {
    // JSON's escapes are TOML's but for a few that no key of ours needs.
    return String(JSON.parse(word));
  } catch {
    return word.slice(1, -1);
  }
}
