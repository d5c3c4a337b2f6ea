import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { FileInfo } from "../../lib/core/file_system.ts";
import {
  digestFile,
  FileChangedError,
  fileIdentity,
  hashImage,
  readContent,
} from "../../lib/scan/digest.ts";
import { scanAvailable } from "../../lib/scan/scan_available.ts";
import { MemoryFileSystem } from "../support/memory_file_system.ts";

const { signal } = new AbortController();
const KERNEL = "/srv/stable/arm64/vmlinuz";
const SHA256_OF_ABC =
  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

Deno.test("hashImage() digests every artifact", async () => {
  const fs = new MemoryFileSystem().file(KERNEL, "abc")
    .file("/srv/stable/arm64/initrd.img", "abc")
    .file("/srv/stable/arm64/board.dtb", "abc");
  const { available: [files] } = await scanAvailable(
    { artifactsDir: "/srv" },
    fs,
    { signal },
  );
  assert.ok(files !== undefined);
  const image = await hashImage(files, (f) => digestFile(f, fs, { signal }));
  assert.equal(image.kernel.sha256, SHA256_OF_ABC);
  assert.equal(image.initramfs?.sha256, SHA256_OF_ABC);
  assert.deepEqual(image.dtbs.map((d) => d.sha256), [SHA256_OF_ABC]);
});

Deno.test("readContent() refuses a file that changes while it is read", async () => {
  const fs = new MemoryFileSystem().file(KERNEL, "abc");
  const info = await fs.stat(KERNEL);
  fs.overwrite(KERNEL, "abcd", "2026-11-22T10:00:01Z");
  await assert.rejects(
    readContent({ filename: "vmlinuz", path: KERNEL, info }, fs, { signal }),
    FileChangedError,
  );
  assert.equal(fs.openCount, 0);
});

Deno.test("readContent() reads every chunk once and in order", async () => {
  const bytes = new Uint8Array((3 << 20) + 5).map((_, i) => i % 251);
  const fs = new MemoryFileSystem().file(KERNEL, bytes);
  const info = await fs.stat(KERNEL);
  const counts: number[] = [];
  const { sha256 } = await readContent(
    { filename: "vmlinuz", path: KERNEL, info },
    fs,
    { onRead: (count) => counts.push(count), signal },
  );
  assert.equal(sha256, createHash("sha256").update(bytes).digest("hex"));
  assert.deepEqual(counts, [...new Array(6).fill(1 << 19), 5]);
});

Deno.test("readContent() does not follow a file that grows without end", async () => {
  const chunk = new Uint8Array(1 << 20);
  const fs = new MemoryFileSystem().file(KERNEL, chunk);
  const info = await fs.stat(KERNEL);
  fs.overwrite(KERNEL, "x".repeat(8 << 20), "2026-11-22T10:00:01Z");
  await assert.rejects(
    readContent({ filename: "vmlinuz", path: KERNEL, info }, fs, { signal }),
    FileChangedError,
  );
  assert.equal(fs.read.length, 3);
});

Deno.test("fileIdentity() differs with each thing that tells files apart", () => {
  const info: FileInfo = {
    kind: "file",
    sizeBytes: 1,
    modifiedMs: 2,
    changedMs: 3,
    device: 4,
    inode: 5,
    linkCount: 1,
    mode: 0o644,
  };
  for (
    const key of [
      "sizeBytes",
      "modifiedMs",
      "changedMs",
      "device",
      "inode",
    ] as const
  ) assert.notEqual(fileIdentity({ ...info, [key]: 9 }), fileIdentity(info));
  assert.equal(fileIdentity({ ...info, mode: 0o600 }), fileIdentity(info));
});
