import assert from "node:assert/strict";
import type { FileSystem } from "../../lib/core/file_system.ts";
import {
  DigestCache,
  FileChangedError,
  sha256OfFile,
} from "../../lib/scan/digest.ts";
import type { HashedImage } from "../../lib/scan/image_files.ts";
import { scanAvailable } from "../../lib/scan/scan_available.ts";
import { MemoryFileSystem } from "../support/memory_file_system.ts";

const { signal } = new AbortController();
const KERNEL = "/srv/stable/arm64/vmlinuz";
const SHA256_OF_ABC =
  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

async function hash(
  cache: DigestCache,
  fs: FileSystem,
  failures: unknown[] = [],
): Promise<HashedImage[]> {
  const { available } = await scanAvailable({ artifactsDir: "/srv" }, fs, {
    signal,
  });
  return await cache.hashAll(available, fs, {
    signal,
    onFailure: (_image, error) => failures.push(error),
  });
}

Deno.test("DigestCache.hashAll() digests every artifact", async () => {
  const fs = new MemoryFileSystem().file(KERNEL, "abc")
    .file("/srv/stable/arm64/initrd.img", "abc")
    .file("/srv/stable/arm64/board.dtb", "abc");
  const [image] = await hash(new DigestCache(), fs);
  assert.equal(image?.kernel.sha256, SHA256_OF_ABC);
  assert.equal(image?.initramfs?.sha256, SHA256_OF_ABC);
  assert.deepEqual(image?.dtbs.map((d) => d.sha256), [SHA256_OF_ABC]);
});

Deno.test("DigestCache.hashAll() reads an unchanged file once, and a changed one again", async () => {
  const fs = new MemoryFileSystem().file(KERNEL, "abc");
  const cache = new DigestCache();
  await hash(cache, fs);
  const reads = fs.opened.length;
  await hash(cache, fs);
  assert.equal(fs.opened.length, reads + 1, "only the scan opens it again");
  fs.overwrite(KERNEL, "abd", "2026-11-22T10:00:01Z");
  const [image] = await hash(cache, fs);
  assert.notEqual(image?.kernel.sha256, SHA256_OF_ABC);
  fs.file(KERNEL, "abc");
  const [replaced] = await hash(cache, fs);
  assert.equal(replaced?.kernel.sha256, SHA256_OF_ABC);
});

Deno.test("DigestCache.hashAll() goes on after an image that cannot be read", async () => {
  const fs = new MemoryFileSystem().file(KERNEL)
    .file("/srv/testing/arm64/vmlinuz");
  const { available } = await scanAvailable({ artifactsDir: "/srv" }, fs, {
    signal,
  });
  fs.remove(KERNEL);
  const failures: string[] = [];
  const hashed = await new DigestCache().hashAll(available, fs, {
    signal,
    onFailure: ({ image }) => failures.push(image.channel),
  });
  assert.deepEqual(hashed.map(({ image }) => image.channel), ["testing"]);
  assert.deepEqual(failures, ["stable"]);
});

Deno.test("sha256OfFile() refuses a file that changes while it is read", async () => {
  const fs = new MemoryFileSystem().file(KERNEL, "abc");
  const info = await fs.stat(KERNEL);
  fs.overwrite(KERNEL, "abcd", "2026-11-22T10:00:01Z");
  await assert.rejects(
    sha256OfFile({ filename: "vmlinuz", path: KERNEL, info }, fs, { signal }),
    FileChangedError,
  );
  assert.equal(fs.openCount, 0);
});
