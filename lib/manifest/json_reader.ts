import { printable } from "../core/printable.ts";
import { ok, refuse, type Result } from "../core/result.ts";
import {
  isJsonObject,
  type JsonObject,
  type JsonValue,
} from "./canonical_json.ts";
import { parseTimestamp } from "./timestamp.ts";

/** Ends a reading; {@linkcode readJson} turns it into a refusal. */
class Refused extends Error {}

/**
 * Reads one object of an untrusted JSON document member by member; the first
 * member that is missing or wrong ends the reading and is named.
 */
export class JsonReader {
  readonly #object: JsonObject;
  readonly #path: string;

  /**
   * Begins to read.
   *
   * @param value what should be an object
   * @param path how it is named in refusals, empty for the whole document
   */
  constructor(value: JsonValue | undefined, path: string) {
    if (!isJsonObject(value)) {
      throw new Refused(`${path || "the document"} is not an object`);
    }
    this.#object = value;
    this.#path = path;
  }

  /** Ends the reading because of a member. */
  refuse(key: string, rule: string): never {
    throw new Refused(`${this.#name(key)} is not ${rule}`);
  }

  /** The names of all members. */
  keys(): string[] {
    return Object.keys(this.#object);
  }

  /** Whether there is such a member. */
  has(key: string): boolean {
    return this.#member(key) !== undefined;
  }

  /** A string of at most `maxLength` UTF-16 units without control characters. */
  text(key: string, maxLength: number): string {
    const value = this.#member(key);
    if (
      typeof value !== "string" || value.length > maxLength ||
      !value.isWellFormed() || /\p{Cc}/u.test(value)
    ) {
      return this.refuse(
        key,
        `one line of text, at most ${maxLength} characters`,
      );
    }
    return value;
  }

  /** A whole number that JSON carries exactly, at least `least`. */
  integer(key: string, least: number): number {
    const value = this.#member(key);
    if (
      typeof value !== "number" || !Number.isSafeInteger(value) || value < least
    ) {
      return this.refuse(key, `a whole number from ${least} up`);
    }
    return value;
  }

  /** A time, in milliseconds since 1970. */
  timeMs(key: string): number {
    return parseTimestamp(this.text(key, 40)) ??
      this.refuse(key, "a UTC time such as 2026-11-22T12:00:00Z");
  }

  /** A list of at most `maxItems` one-line texts. */
  texts(key: string, maxItems: number, maxLength: number): string[] {
    return this.list(key, maxItems).map((item, index) => {
      const name = String(index);
      return new JsonReader({ [name]: item }, this.#name(key))
        .text(name, maxLength);
    });
  }

  /** A list of at most `maxItems` values. */
  list(key: string, maxItems: number): readonly JsonValue[] {
    const value = this.#member(key);
    if (!Array.isArray(value) || value.length > maxItems) {
      return this.refuse(key, `a list of at most ${maxItems}`);
    }
    return value;
  }

  /** A member as it stands, checked elsewhere. */
  value(key: string): JsonValue {
    return this.#member(key) ?? this.refuse(key, "there");
  }

  /** An object inside this one. */
  object(key: string): JsonReader {
    return new JsonReader(this.#member(key), this.#name(key));
  }

  /** Own members only: `constructor` and its like are not JSON. */
  #member(key: string): JsonValue | undefined {
    return Object.hasOwn(this.#object, key) ? this.#object[key] : undefined;
  }

  #name(key: string): string {
    const name = printable(key, 80);
    return this.#path === "" ? name : `${this.#path}.${name}`;
  }
}

/**
 * Runs a reading of a document.
 *
 * @param value the untrusted document
 * @param read takes what it needs and checks what the reader does not
 */
export function readJson<T>(
  value: JsonValue,
  read: (reader: JsonReader) => T,
): Result<T> {
  try {
    return ok(read(new JsonReader(value, "")));
  } catch (error) {
    if (error instanceof Refused) return refuse(error.message);
    throw error;
  }
}
