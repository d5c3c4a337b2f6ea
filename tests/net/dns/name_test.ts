import fc from "fast-check";
import assert from "node:assert/strict";
import {
  foldName,
  labelText,
  nameLabels,
  sameName,
} from "../../../lib/net/dns/name.ts";

const label = fc.uint8Array({ minLength: 1, maxLength: 63 });

Deno.test("nameLabels() gives back the bytes that labelText() wrote", () => {
  fc.assert(fc.property(fc.array(label, { maxLength: 3 }), (labels) => {
    const name = labels.map(labelText).join(".");
    assert.deepEqual(nameLabels(name), { ok: true, value: labels });
    assert.match(name, /^[\x21-\x7e]*$/, "fit to be printed");
  }));
});

Deno.test("labelText() escapes dots, backslashes and what is not printable", () => {
  const bytes = new TextEncoder().encode("a.b\\c é\n");
  assert.equal(labelText(bytes), "a\\.b\\\\c\\032\\195\\169\\010");
});

Deno.test("nameLabels() refuses what has no place on the wire", () => {
  for (
    const [name, reason] of [
      ["a..b", "empty label"],
      ["a.", "empty label"],
      ["x".repeat(64), "label over 63 bytes"],
      [Array(5).fill("x".repeat(63)).join("."), "name over 255 bytes"],
      ["\\999", "character over 255"],
      ["é…", "character over 255"],
    ] as const
  ) assert.deepEqual(nameLabels(name), { ok: false, reason }, name);
});

Deno.test("nameLabels() takes names up to 255 bytes", () => {
  const most = ["x".repeat(63), "x".repeat(63), "x".repeat(63), "x".repeat(61)];
  assert.equal(nameLabels(most.join(".")).ok, true);
  assert.equal(nameLabels(`${most.join(".")}x`).ok, false);
  assert.deepEqual(nameLabels(""), { ok: true, value: [] });
});

Deno.test("sameName() looks past the case of letters", () => {
  assert.ok(sameName("Phase-Lab.LOCAL", "phase-lab.local"));
  assert.ok(!sameName("phase-lab.local", "phase-lab-2.local"));
  assert.equal(foldName("A\\195.B"), "a\\195.b");
});
