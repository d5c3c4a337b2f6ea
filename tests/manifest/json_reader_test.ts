import assert from "node:assert/strict";
import type { JsonValue } from "../../lib/manifest/canonical_json.ts";
import { type JsonReader, readJson } from "../../lib/manifest/json_reader.ts";

/** What a reading gives, or why it was refused. */
function read<T>(
  value: JsonValue,
  take: (reader: JsonReader) => T,
): T | string {
  const result = readJson(value, take);
  return result.ok ? result.value : result.reason;
}

Deno.test("JsonReader reads members of every kind", () => {
  const value = {
    text: "a",
    count: 3,
    at: "2026-11-22T12:00:00Z",
    names: ["x", "y"],
    inner: { count: 4 },
    any: false,
  };
  assert.deepEqual(
    read(value, (reader) => ({
      keys: reader.keys(),
      has: [reader.has("text"), reader.has("none")],
      text: reader.text("text", 1),
      count: reader.integer("count", 3),
      at: reader.timeMs("at"),
      names: reader.texts("names", 2, 1),
      inner: reader.object("inner").integer("count", 0),
      any: reader.value("any"),
    })),
    {
      keys: Object.keys(value),
      has: [true, false],
      text: "a",
      count: 3,
      at: Date.parse("2026-11-22T12:00:00Z"),
      names: ["x", "y"],
      inner: 4,
      any: false,
    },
  );
});

Deno.test("JsonReader names the first member that is wrong, with its path", () => {
  const refusals: readonly [
    JsonValue,
    (reader: JsonReader) => unknown,
    RegExp,
  ][] = [
    [[], (r) => r.keys(), /^the document is not an object$/],
    [{}, (r) => r.text("a", 9), /^a is not one line of text/],
    [{ a: "long" }, (r) => r.text("a", 3), /at most 3 characters$/],
    [{ a: "a\nb" }, (r) => r.text("a", 9), /^a is not one line/],
    [{ a: "\ud800" }, (r) => r.text("a", 9), /^a is not one line/],
    [{ a: 1.5 }, (r) => r.integer("a", 0), /^a is not a whole number/],
    [{ a: 2 ** 53 }, (r) => r.integer("a", 0), /^a is not a whole number/],
    [{ a: 0 }, (r) => r.integer("a", 1), /from 1 up$/],
    [{ a: "2026-02-30T00:00:00Z" }, (r) => r.timeMs("a"), /^a is not a UTC/],
    [{ a: "x" }, (r) => r.list("a", 2), /^a is not a list of at most 2$/],
    [{ a: [1, 2, 3] }, (r) => r.list("a", 2), /^a is not a list/],
    [{ a: ["x", 1] }, (r) => r.texts("a", 2, 9), /^a\.1 is not one line/],
    [{ a: { b: 1 } }, (r) => r.object("a").object("b"), /^a\.b is not an ob/],
    [{}, (r) => r.value("a"), /^a is not there$/],
  ];
  for (const [value, take, reason] of refusals) {
    assert.match(String(read(value, take)), reason);
  }
});

Deno.test("JsonReader takes no member that an object merely inherits", () => {
  assert.equal(read({}, (reader) => reader.has("constructor")), false);
  assert.match(
    String(read({}, (reader) => reader.value("toString"))),
    /^toString is not there$/,
  );
});

Deno.test("JsonReader names hostile members printably, and no longer than a line", () => {
  const name = `\u001b[2J${"x".repeat(1000)}`;
  const reason = String(read({}, (reader) => reader.text(name, 1)));
  assert.match(reason, /^[ -~…]+$/);
  assert.ok(reason.length < 200);
});

Deno.test("readJson() lets through what is no refusal", () => {
  const bug = new TypeError("a bug");
  assert.throws(() =>
    readJson({}, () => {
      throw bug;
    }), bug);
});
