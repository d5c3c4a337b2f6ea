import assert from "node:assert/strict";
import fc from "fast-check";
import {
  lines,
  servedNames,
  word,
} from "../../../lib/http/boot/script_text.ts";

Deno.test("word() is one harmless word, whatever a version holds", () => {
  fc.assert(fc.property(fc.string(), (version) => {
    assert.match(word(version), /^[A-Za-z0-9.+:~_-]{0,64}$/);
  }));
  assert.equal(word("2026.11.22"), "2026.11.22");
});

Deno.test("lines() ends every line", () => {
  assert.equal(lines("a", "b"), "a\nb\n");
});

Deno.test("servedNames() lists what there is", () => {
  const image = { channel: "stable", arch: "arm64" };
  assert.equal(
    servedNames([{ image }, { image }]),
    "served: stable/arm64, stable/arm64",
  );
  assert.equal(servedNames([]), "served: nothing yet");
});
