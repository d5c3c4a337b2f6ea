import assert from "node:assert/strict";
import {
  type CandidateRefusalCode,
  isRefusedManifest,
  mayPass,
} from "../../lib/discover/candidate_refusal.ts";

function refusal(code: CandidateRefusalCode) {
  return { code, message: "as the test says" };
}

Deno.test("mayPass() of a provider that is busy or away, not of one that leads elsewhere", () => {
  for (const code of ["status", "unreachable", "slow", "truncated"] as const) {
    assert.ok(mayPass(refusal(code)), code);
    assert.ok(!isRefusedManifest(refusal(code)), code);
  }
  for (const code of ["scheme", "redirect"] as const) {
    assert.ok(!mayPass(refusal(code)), code);
    assert.ok(!isRefusedManifest(refusal(code)), code);
  }
});

Deno.test("mayPass() of no manifest that came and was refused", () => {
  for (const code of ["bad_signature", "rollback", "too_large"] as const) {
    assert.ok(!mayPass(refusal(code)), code);
    assert.ok(isRefusedManifest(refusal(code)), code);
  }
});
