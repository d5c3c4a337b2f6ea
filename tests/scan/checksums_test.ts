import assert from "node:assert/strict";
import { parseChecksums } from "../../lib/scan/checksums.ts";

const [A, B] = ["a".repeat(64), "B".repeat(64)];

Deno.test("parseChecksums() reads the lists of sha256sum and of BSD", () => {
  const read = parseChecksums(
    `# made today\n${A}  ./vmlinuz\r\n${B} *dtbs/x.dtb\nSHA256 (my initrd) = ${A}\n\n`,
  );
  assert.ok(read.ok);
  assert.deepEqual([...read.value], [
    ["vmlinuz", A],
    ["dtbs/x.dtb", B.toLowerCase()],
    ["my initrd", A],
  ]);
});

for (
  const [text, reason] of [
    ["", /lists nothing/],
    ["# nothing\n", /lists nothing/],
    [`${A} vmlinuz`, /line 1 is not a SHA-256 digest/],
    [`${A}  a\n${A.slice(1)}  b`, /line 2 is not/],
    [`${A}  a\n${B}  a`, /lists "a" twice/],
  ] as const
) {
  Deno.test(`parseChecksums() refuses ${JSON.stringify(text).slice(0, 40)}`, () => {
    const read = parseChecksums(text);
    assert.match(read.ok ? "read" : read.reason, reason);
  });
}
