import assert from "node:assert/strict";
import { eventsTell } from "../../lib/scan/file_events.ts";

Deno.test("eventsTell() of what this kernel changes, and not of what others do", () => {
  const [ext4, tmpfs, squashfs] = [0xef53, 0x01021994, 0x73717368];
  for (const kind of [ext4, tmpfs, squashfs, undefined]) {
    assert.equal(eventsTell(kind), true, `${kind}`);
  }
  const [nfs, fuse, overlay] = [0x6969, 0x65735546, 0x794c7630];
  for (const kind of [nfs, fuse, overlay]) {
    assert.equal(eventsTell(kind), false, `${kind}`);
  }
});
