import fc from "fast-check";
import assert from "node:assert/strict";
import { jsonLine, messageOf, printable } from "../../lib/core/printable.ts";

Deno.test("printable() lets no control or format character through, whatever it is given", () => {
  fc.assert(fc.property(
    fc.string({ unit: "binary", maxLength: 300 }),
    fc.integer({ min: 1, max: 100 }),
    (text, max) => {
      const result = printable(text, max);
      assert.ok(result.length <= max);
      assert.ok(result.isWellFormed());
      assert.doesNotMatch(result, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    },
  ));
});

Deno.test("printable() leaves ordinary text alone", () => {
  assert.equal(
    printable("Kernel 6.12 – für ünïcode"),
    "Kernel 6.12 – für ünïcode",
  );
  assert.equal(printable("a\u001b[31mb\n"), "a?[31mb?");
});

Deno.test("messageOf() tells an error's causes once each", () => {
  const inner = new Error("disk is gone");
  const outer = new Error("Cannot read", { cause: inner });
  assert.equal(messageOf(outer), "Cannot read: disk is gone");
  assert.equal(messageOf("plain"), "plain");
});

/** Everything that has broken a log or a terminal, among any text. */
const hostileText = fc.array(fc.oneof(
  fc.string({ unit: "binary", maxLength: 30 }),
  fc.constantFrom(
    ...["\n", "\r", "\x1b[2J", "\x07", "\x7f", "\x85", "\x9b31m", "\u2028"],
    ...[
      "\u2029",
      "\u202e",
      "\u2066",
      "\ufeff",
      "\ud800",
      "\udc00",
      "\u{e0041}",
    ],
    ...["\nINFO Advertising evil/arm64", '"}\n{"level":"info"'],
  ),
)).map((parts) => parts.join(""));
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

Deno.test("jsonLine() is one printable line, and loses nothing", () => {
  fc.assert(fc.property(hostileText, (text) => {
    const line = jsonLine({ [text]: [text] });
    assert.doesNotMatch(line, UNPRINTABLE);
    assert.deepEqual(JSON.parse(line), { [text]: [text] });
  }));
});
