import { messageOf } from "../core/printable.ts";
import { ok, refuse, type Result } from "../core/result.ts";

/** Anything that JSON can say. */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | JsonObject;

/** A JSON object; a key whose value is undefined is left out, as by `JSON`. */
export interface JsonObject {
  /** A member. */
  readonly [key: string]: JsonValue | undefined;
}

/**
 * Deeper values are refused: nothing of ours comes near, and a hostile text
 * of brackets would overflow the stack.
 */
const MAX_DEPTH = 32;

/**
 * Writes a value as canonical JSON (RFC 8785): the one text that a value has,
 * so that it can be signed and compared byte for byte.
 *
 * @throws TypeError for what has no such text: NaN and infinite numbers,
 * strings with a lone surrogate, more than 32 levels
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { canonicalize } from "./canonical_json.ts";
 * assert.equal(canonicalize({ b: 1e21, a: "\u20ac" }), '{"a":"€","b":1e+21}');
 * ```
 */
export function canonicalize(value: JsonValue): string {
  return write(value, MAX_DEPTH);
}

/**
 * Like {@linkcode canonicalize}, for a value that came from outside: JSON
 * text can hold what has no canonical form, such as `1e999` and `"\ud800"`.
 */
export function canonicalizeUntrusted(value: JsonValue): Result<string> {
  try {
    return ok(canonicalize(value));
  } catch (error) {
    return refuse(messageOf(error));
  }
}

/**
 * Reads JSON text (RFC 8259) that came from outside. A name that an object
 * has twice is refused (RFC 7493 section 2.3), because readers differ in which
 * of the two they take.
 *
 * @param bytes UTF-8, without byte order mark
 */
export function parseJson(bytes: Uint8Array): Result<JsonValue> {
  let text: string;
  let value: JsonValue;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
      .decode(bytes);
    value = JSON.parse(text);
  } catch {
    // The system's messages quote the text, which may be a megabyte long.
    return refuse("not JSON in UTF-8");
  }
  return countColons(text) === countMembers(value)
    ? ok(value)
    : refuse("a name occurs twice in one JSON object");
}

/**
 * Whether two values that have a canonical text have the same, without writing
 * it: members may stand in any order, and one that is undefined is not there. It
 * goes no deeper than both do, and never throws.
 */
export function isSameJson(
  a: JsonValue | undefined,
  b: JsonValue | undefined,
): boolean {
  if (a === b) return true;
  if (isArray(a)) {
    return isArray(b) && a.length === b.length &&
      a.every((item, index) => isSameJson(item, b[index]));
  }
  if (!isJsonObject(a) || !isJsonObject(b)) return false;
  const keys = membersOf(a);
  return keys.length === membersOf(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && isSameJson(a[key], b[key]));
}

function membersOf(value: JsonObject): string[] {
  return Object.keys(value).filter((key) => value[key] !== undefined);
}

/** Tells a JSON object from arrays, null and scalars. */
export function isJsonObject(
  value: JsonValue | undefined,
): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The members that JSON text writes: colons outside of strings. */
function countColons(text: string): number {
  return text.replace(/"[^"\\]*(?:\\.[^"\\]*)*"/g, "").split(":").length - 1;
}

/** The members that became of them, without recursion into hostile depths. */
function countMembers(value: JsonValue): number {
  let count = 0;
  const open: (JsonValue | undefined)[] = [value];
  while (open.length > 0) {
    const next = open.pop();
    if (typeof next !== "object" || next === null) continue;
    const inside = Object.values(next);
    if (!Array.isArray(next)) count += inside.length;
    for (const item of inside) open.push(item);
  }
  return count;
}

function write(value: JsonValue, depth: number): string {
  if (depth < 0) throw new TypeError(`more than ${MAX_DEPTH} levels deep`);
  // RFC 8785 took its number format (section 3.2.2.3) and its string escapes
  // (section 3.2.2.2) from JSON.stringify; what it refuses is checked here.
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw new TypeError(`${value} is not JSON`);
    return JSON.stringify(value);
  }
  if (typeof value === "string") {
    if (!value.isWellFormed()) throw new TypeError("lone surrogate in string");
    return JSON.stringify(value);
  }
  if (isArray(value)) {
    return `[${value.map((item) => write(item, depth - 1)).join(",")}]`;
  }
  if (isJsonObject(value)) {
    const members: string[] = [];
    // Section 3.2.3: by UTF-16 code units, which is what sort() compares.
    for (const key of Object.keys(value).sort()) {
      const member = value[key];
      if (member === undefined) continue;
      members.push(`${write(key, depth)}:${write(member, depth - 1)}`);
    }
    return `{${members.join(",")}}`;
  }
  return JSON.stringify(value);
}

/** `Array.isArray` does not narrow readonly arrays. */
function isArray(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value);
}
