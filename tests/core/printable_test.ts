import fc from "fast-check";
import assert from "node:assert/strict";
import { jsonLine, messageOf, printable } from "../../lib/core/printable.ts";
import { hostileText, UNPRINTABLE } from "../support/hostile_text.ts";

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

Deno.test("jsonLine() is one printable line, and loses nothing", () => {
  fc.assert(fc.property(hostileText, (text) => {
    const line = jsonLine({ [text]: [text] });
    assert.doesNotMatch(line, UNPRINTABLE);
    assert.deepEqual(JSON.parse(line), { [text]: [text] });
  }));
});
