import assert from "node:assert/strict";
import { ScanNotes } from "../../lib/scan/scan_notes.ts";

const IMAGE = { eventPath: "/srv/stable/arm64", elsewhere: [] };

for (
  const [path, concerns] of [
    ["/srv/stable/arm64/vmlinuz", true],
    ["/srv/stable/arm64/dtbs/a.dtb", true],
    ["/srv/stable/arm64", true],
    ["/srv/stable", true],
    ["/srv/stable/arm64-old", false],
    ["/srv/testing/arm64/vmlinuz", false],
  ] as const
) {
  Deno.test(`ScanNotes of ${path} ${concerns ? "concern" : "do not concern"} the image`, () => {
    assert.equal(new ScanNotes([path]).concerns(IMAGE), concerns);
  });
}

Deno.test("ScanNotes concern an image that has links to where something changed", () => {
  const notes = new ScanNotes(["/srv/pool/vmlinuz"]);
  assert.ok(notes.concerns({ ...IMAGE, elsewhere: ["/srv/pool/vmlinuz"] }));
  assert.ok(!notes.concerns({ ...IMAGE, elsewhere: ["/srv/pool/initrd"] }));
});

Deno.test("ScanNotes change the names of the directory that a path is in alone", () => {
  const notes = new ScanNotes(["/srv/stable/arm64/vmlinuz"]);
  const names = (eventPath: string) =>
    notes.changesNames({ eventPath, elsewhere: [] });
  assert.ok(names("/srv/stable/arm64"));
  assert.ok(!names("/srv/stable"));
  assert.ok(!names("/srv"));
});

Deno.test("ScanNotes know of something that is in none of some directories", () => {
  const notes = new ScanNotes(["/srv/stable/arm64/vmlinuz"]);
  assert.equal(notes.hasOther(new Set([IMAGE.eventPath])), false);
  assert.equal(notes.hasOther(new Set()), true);
});
