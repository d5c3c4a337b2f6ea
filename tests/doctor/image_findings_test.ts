import assert from "node:assert/strict";
import { imageFindings } from "../../lib/doctor/image_findings.ts";

const MISSING = ["stable/arm64", "stable/x86_64"];

const OFFERED = ["testing/arm64"];

function found(...warnings: string[]) {
  const seen = { offered: OFFERED, missing: MISSING, warnings };
  return imageFindings(seen).map(({ code, where }) =>
    `${code} ${where.join()}`
  );
}

Deno.test("imageFindings() is silent of what is just not there", () => {
  assert.deepEqual(found(), []);
  assert.deepEqual(found("/srv/notes.txt is passed over"), []);
  // Of others, or of names that this one is a part of.
  assert.deepEqual(found('Ignoring "/srv/testing/arm64/x": empty'), []);
  assert.deepEqual(found('Ignoring "/srv/unstable/arm64/x": empty'), []);
  assert.deepEqual(found('Ignoring "/srv/stable/arm64-old/x": empty'), []);
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
  const [both] = imageFindings({
    offered: [],
    missing: ["a/b"],
    warnings: ["a/b lacks one", "a/b lacks another"],
  });
  assert.equal(both?.cause, "a/b lacks one; a/b lacks another");
});

Deno.test("imageFindings() takes what is withheld once it was read, which nobody calls missing", () => {
  assert.deepEqual(
    found('Cannot offer nightly/arm64: "vmlinuz" does not match its digest'),
    ["image_not_offered nightly/arm64"],
  );
  assert.deepEqual(
    found(
      'Cannot list "/srv/nightly/arm64": odd; nightly/arm64 is not offered',
    ),
    ["image_not_offered nightly/arm64"],
  );
  assert.deepEqual(
    found("Cannot offer the new testing/arm64, keeping the previous one: odd"),
    ["image_not_offered testing/arm64"],
  );
});

Deno.test("imageFindings() takes a file that an image is offered without, since nobody may read it", () => {
  assert.deepEqual(
    found('Ignoring "/srv/testing/arm64/rootfs.img": Permission denied'),
    ["image_unreadable testing/arm64"],
  );
});

Deno.test("imageFindings() takes the directory of a whole channel, expected or not", () => {
  const denied = (channel: string) =>
    `Cannot list "/srv/${channel}": permission denied; its images are not offered`;
  assert.deepEqual(found(denied("stable")), [
    "image_unreadable stable/arm64",
    "image_unreadable stable/x86_64",
  ]);
  assert.deepEqual(found(denied("nightly")), ["image_unreadable /srv/nightly"]);
  assert.deepEqual(
    found(
      'Cannot find "/data", the artifacts_dir of channel stable: there is no such directory; create it',
    ),
    ["image_not_offered stable/arm64", "image_not_offered stable/x86_64"],
  );
});
