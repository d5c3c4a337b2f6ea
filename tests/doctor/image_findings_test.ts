import assert from "node:assert/strict";
import { imageFindings } from "../../lib/doctor/image_findings.ts";

const MISSING = ["stable/arm64", "stable/x86_64"];

function found(...warnings: string[]) {
  return imageFindings(MISSING, warnings).map(({ code, where }) =>
    `${code} ${where.join()}`
  );
}

Deno.test("imageFindings() is silent of what is just not there", () => {
  assert.deepEqual(found(), []);
  assert.deepEqual(found("/srv/notes.txt is passed over"), []);
  // Of others, or of names that this one is a part of.
  assert.deepEqual(found("Cannot offer testing/arm64: no kernel"), []);
  assert.deepEqual(found("Cannot offer unstable/arm64: no kernel"), []);
  assert.deepEqual(found("Cannot offer stable/arm64-old: no kernel"), []);
});

Deno.test("imageFindings() takes what names the image or its directory, aliases too", () => {
  for (
    const warning of [
      "Cannot offer stable/arm64: it lists no kernel",
      '"/srv/stable/arm64" holds "SHA256SUMS", and no kernel',
      '"/srv/images/stable/aarch64" holds "SHA256SUMS", and no kernel',
    ]
  ) assert.deepEqual(found(warning), ["image_not_offered stable/arm64"]);
  assert.deepEqual(
    found('Cannot read "/srv/stable/arm64/vmlinuz": permission denied; more'),
    ["image_unreadable stable/arm64"],
  );
  const [both] = imageFindings(["a/b"], ["a/b lacks one", "a/b lacks another"]);
  assert.equal(both?.cause, "a/b lacks one; a/b lacks another");
});
