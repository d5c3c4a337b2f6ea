import assert from "node:assert/strict";
import { ok, refuse, refuseAs, type Result } from "../../lib/core/result.ts";

function parse(text: string): Result<number> {
  return /^\d+$/.test(text)
    ? ok(Number(text))
    : refuse(`"${text}" is no number`);
}

Deno.test("a Result holds a value or a reason, told apart by ok", () => {
  const [good, bad] = [parse("7"), parse("seven")];
  assert.deepEqual(good, { ok: true, value: 7 });
  assert.deepEqual(bad, { ok: false, reason: '"seven" is no number' });
});

Deno.test("refuseAs() gives a code for programs and words for people", () => {
  assert.deepEqual(refuseAs("expired", "expired yesterday"), {
    ok: false,
    reason: { code: "expired", message: "expired yesterday" },
  });
});
