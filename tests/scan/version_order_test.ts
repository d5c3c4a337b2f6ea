import assert from "node:assert/strict";
import { compareVersions } from "../../lib/scan/version_order.ts";

const ASCENDING = [
  "vmlinuz-5.19",
  "vmlinuz-6.1.0-9-amd64",
  "vmlinuz-6.1.0-10-amd64",
  "vmlinuz-6.9",
  "vmlinuz-6.12-rc2",
  "vmlinuz-6.12-rc10",
  "vmlinuz-6.12~rc1",
  "vmlinuz-6.12",
  "vmlinuz-6.12.0-rc7",
  "vmlinuz-6.12.0",
  "vmlinuz-6.12.0-1",
  "vmlinuz-6.12.00000000000000000000000000001",
  "vmlinuz-6.12.99999999999999999999999999999",
  "vmlinuz-10",
];

Deno.test("compareVersions() puts versions in order", () => {
  const shuffled = ASCENDING.toReversed();
  assert.deepEqual(shuffled.sort(compareVersions), ASCENDING);
  for (const [i, a] of ASCENDING.entries()) {
    for (const [j, b] of ASCENDING.entries()) {
      assert.equal(
        Math.sign(compareVersions(a, b)),
        Math.sign(i - j),
        `${a} ${b}`,
      );
    }
  }
});
