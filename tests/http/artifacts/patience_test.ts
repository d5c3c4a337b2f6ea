import assert from "node:assert/strict";
import { patienceOf } from "../../../lib/http/artifacts/patience.ts";

for (
  const [userAgent, waitMs, comesBack] of [
    ["GRUB 2.12-9", 25_000, false],
    ["GRUB 2.06", 25_000, false],
    ["UefiHttpBoot/1.0", 4000, false],
    ["iPXE/1.21.1+git", 12_000, true],
    ["curl/8.5.0", 12_000, true],
    ["Mozilla/5.0 GRUB 2.06", 12_000, true],
    ["GRUBBY", 12_000, true],
    ["", 12_000, true],
    [null, 12_000, true],
  ] as const
) {
  Deno.test(`patienceOf(${JSON.stringify(userAgent)})`, () => {
    assert.deepEqual(patienceOf(userAgent), { waitMs, comesBack });
  });
}
