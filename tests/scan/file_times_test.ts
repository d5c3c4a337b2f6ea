import assert from "node:assert/strict";
import { timesTell } from "../../lib/scan/file_times.ts";

const EXT4 = 0xef53;
const NFS = 0x6969;
const OVERLAY = 0x794c7630;
const WHOLE_MS = Date.parse("2023-11-14T22:13:20Z");

for (
  const [what, kind, modifiedMs, changedMs, tells] of [
    ["written by the kernel", EXT4, WHOLE_MS + 123, WHOLE_MS, true],
    ["a copy that kept its time", EXT4, WHOLE_MS, WHOLE_MS + 9000, true],
    ["on a server", NFS, WHOLE_MS + 7, WHOLE_MS, true],
    ["of nobody knows which kind", undefined, WHOLE_MS + 7, WHOLE_MS, true],
    ["in a writable layer", OVERLAY, WHOLE_MS + 7, WHOLE_MS, true],
    ["of a squashfs below an overlay", OVERLAY, WHOLE_MS, WHOLE_MS, false],
    ["of an image of ext4", EXT4, WHOLE_MS, WHOLE_MS, false],
    ["of an image on a server", NFS, WHOLE_MS, WHOLE_MS, false],
    ["of an image of no known kind", undefined, WHOLE_MS, WHOLE_MS, false],
    ["on squashfs", 0x73717368, WHOLE_MS, WHOLE_MS, false],
    ["on EROFS, with a fraction", 0xe0f5e1e2, WHOLE_MS + 5, WHOLE_MS, false],
    ["on a disc", 0x9660, WHOLE_MS, WHOLE_MS + 9000, false],
    ["on FUSE", 0x65735546, WHOLE_MS + 5, WHOLE_MS + 9000, false],
    ["on FAT", 0x4d44, WHOLE_MS + 2000, WHOLE_MS, false],
  ] as const
) {
  Deno.test(`the times of a file ${what} ${tells ? "tell" : "do not tell"}`, () => {
    assert.equal(timesTell(kind, { modifiedMs, changedMs }), tells);
  });
}
