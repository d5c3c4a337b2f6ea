import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { DigestCache } from "../../lib/scan/digest_cache.ts";
import { decodeDigests } from "../../lib/scan/digest_file.ts";
import type { HashedImage, ImageFiles } from "../../lib/scan/image_files.ts";
import { PIECES_ABOVE_BYTES } from "../../lib/scan/pieces.ts";
import { scanAvailable } from "../../lib/scan/scan_available.ts";
import { MemoryFileSystem } from "../support/memory_file_system.ts";
import { MemoryLogger } from "../support/memory_logger.ts";

const { signal } = new AbortController();
const KERNEL = "/srv/stable/arm64/vmlinuz";
const OTHER_KERNEL = "/srv/testing/arm64/vmlinuz";
const PATH = "/state/digests.json";
const SHA256_OF_ABC =
  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

async function imagesOn(fs: MemoryFileSystem): Promise<readonly ImageFiles[]> {
  const { available } = await scanAvailable({ artifactsDir: "/srv" }, fs, {
    signal,
  });
  return available;
}

const onRead = () => {};

/** One run of a program: opens the cache, hashes all, saves. */
async function run(
  fs: MemoryFileSystem,
  logger = new MemoryLogger(),
): Promise<{ images: HashedImage[]; read: string[]; lines: string[] }> {
  const cache = await DigestCache.open({ fileSystem: fs, path: PATH, logger });
  const found = await imagesOn(fs);
  fs.read.length = 0;
  const images: HashedImage[] = [];
  for (const files of found) {
    images.push(await cache.hash(files, { onRead, signal }));
  }
  const read = [...new Set(fs.read)];
  await cache.save(() => found);
  return { images, read, lines: logger.lines };
}

Deno.test("DigestCache.hash() reads nothing that was read before a restart, and what has changed", async () => {
  const fs = new MemoryFileSystem().file(KERNEL, "abc").file(OTHER_KERNEL);
  assert.deepEqual((await run(fs)).read, [KERNEL, OTHER_KERNEL]);
  const { images, read, lines } = await run(fs);
  assert.deepEqual(read, []);
  assert.equal(images[0]?.kernel.sha256, SHA256_OF_ABC);
  fs.overwrite(OTHER_KERNEL, "abc", "2026-11-22T10:00:01Z");
  const changed = await run(fs);
  assert.deepEqual(changed.read, [OTHER_KERNEL]);
  assert.equal(changed.images[1]?.kernel.sha256, SHA256_OF_ABC);
  assert.deepEqual(lines, []);
});

Deno.test("DigestCache.hash() reads a file again that was rewritten in place with its time put back", async () => {
  const fs = new MemoryFileSystem().file(KERNEL, "abd");
  await run(fs);
  fs.overwrite(
    KERNEL,
    "abc",
    "2026-11-22T10:00:00Z",
    "2026-11-22T10:00:05Z",
  );
  const { images } = await run(fs);
  assert.equal(images[0]?.kernel.sha256, SHA256_OF_ABC);
});

Deno.test("DigestCache keeps of what kind a file is across a restart", async () => {
  const efi = new Uint8Array(0x100);
  efi.set(new TextEncoder().encode("MZ"));
  efi[0x3c] = 0x40;
  efi.set(new TextEncoder().encode("PE"), 0x40);
  const fs = new MemoryFileSystem().file(KERNEL, efi).file(OTHER_KERNEL);
  for (const wantedReads of [[KERNEL, OTHER_KERNEL], []]) {
    const { images, read } = await run(fs);
    assert.deepEqual(read, wantedReads);
    assert.deepEqual(images.map(({ kernel }) => kernel.mediaType), [
      "application/efi",
      "application/octet-stream",
    ]);
  }
});

Deno.test("DigestCache.find() gives an image only when each of its files was read", async () => {
  const fs = new MemoryFileSystem().file(KERNEL, "abc");
  const logger = new MemoryLogger();
  const cache = await DigestCache.open({ fileSystem: fs, path: PATH, logger });
  const [files] = await imagesOn(fs);
  assert.ok(files !== undefined);
  assert.equal(await cache.find(files), undefined);
  await cache.hash(files, { onRead, signal });
  assert.equal((await cache.find(files))?.kernel.sha256, SHA256_OF_ABC);
  fs.file("/srv/stable/arm64/initrd.img");
  const [more] = await imagesOn(fs);
  assert.ok(more !== undefined);
  assert.equal(await cache.find(more), undefined);
});

Deno.test("DigestCache.save() forgets files that are gone", async () => {
  const fs = new MemoryFileSystem().file(KERNEL).file(OTHER_KERNEL);
  await run(fs);
  fs.remove(OTHER_KERNEL).file(KERNEL, "new");
  await run(fs);
  const kept = decodeDigests(await fs.readText(PATH));
  assert.ok(kept.ok);
  assert.equal(kept.value.contents.size, 1);
});

for (
  const [name, damage] of [
    ["cut short", (text: string) => text.slice(0, -20)],
    [
      "with a digest changed",
      (text: string) =>
        text.replace(SHA256_OF_ABC, `0${SHA256_OF_ABC.slice(1)}`),
    ],
  ] as const
) {
  Deno.test(`DigestCache.open() sets a file aside that is ${name}, and reads all again`, async () => {
    const fs = new MemoryFileSystem().file(KERNEL, "abc");
    await run(fs);
    fs.file(PATH, damage(await fs.readText(PATH)));
    const { images, read, lines } = await run(fs);
    assert.deepEqual(read, [KERNEL]);
    assert.equal(images[0]?.kernel.sha256, SHA256_OF_ABC);
    assert.equal(lines.length, 1);
    assert.match(lines[0] ?? "", /^WARN Moved .*digests\.json\.damaged/);
    assert.deepEqual((await run(fs)).read, []);
  });
}

/** What was kept, as a program of format 1 or 2 would have written it. */
function inFormat(kept: string, format: number): string {
  const { files } = JSON.parse(kept);
  for (const file of Object.values<Record<string, unknown>>(files)) {
    delete file.pieces;
    if (format === 1) delete file.mediaType;
  }
  return cacheText(files, format);
}

function cacheText(files: object, format = 3): string {
  const check = createHash("sha256").update(JSON.stringify(files))
    .digest("hex");
  return JSON.stringify({ format, check, files });
}

for (
  const [format, wantedReads] of [
    [1, [KERNEL, OTHER_KERNEL]],
    [2, [OTHER_KERNEL]],
    [3, []],
  ] as const
) {
  Deno.test(`DigestCache.open() reads what format ${format} had not, without a word`, async () => {
    const large = new Uint8Array(PIECES_ABOVE_BYTES + 1);
    const fs = new MemoryFileSystem().file(KERNEL, "abc")
      .file(OTHER_KERNEL, large);
    const { images } = await run(fs);
    const kept = await fs.readText(PATH);
    if (format < 3) fs.file(PATH, inFormat(kept, format));
    const again = await run(fs);
    assert.deepEqual(again, { images, read: wantedReads, lines: [] });
    assert.equal(await fs.readText(PATH), kept);
  });
}

Deno.test("DigestCache.open() takes an empty file for none", async () => {
  const fs = new MemoryFileSystem().file(KERNEL, "abc").file(PATH, "");
  const { read, lines } = await run(fs);
  assert.deepEqual({ read, lines }, { read: [KERNEL], lines: [] });
});

Deno.test("DigestCache.open() refuses what a newer program made, and leaves it as it is", async () => {
  const fs = new MemoryFileSystem().file(KERNEL, "abc");
  await run(fs);
  const kept = (await fs.readText(PATH)).replace(/"format":\d+/, '"format":99');
  fs.file(PATH, kept);
  await assert.rejects(
    run(fs),
    /^UserError: Cannot use ".*digests\.json": a newer version.*read again$/,
  );
  assert.equal(await fs.readText(PATH), kept);
});

Deno.test("DigestCache.save() writes one state after the other", async () => {
  const fs = new MemoryFileSystem().file(KERNEL).file(OTHER_KERNEL);
  const logger = new MemoryLogger();
  const cache = await DigestCache.open({ fileSystem: fs, path: PATH, logger });
  const write = fs.writeAtomically.bind(fs);
  const entered = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  fs.writeAtomically = async (...args) => {
    entered.resolve();
    await gate.promise;
    return await write(...args);
  };
  const found = await imagesOn(fs);
  const [first, second] = found;
  assert.ok(first !== undefined && second !== undefined);
  await cache.hash(first, { onRead, signal });
  const older = cache.save(() => found);
  // Only the first one is held up.
  await entered.promise;
  fs.writeAtomically = write;
  await cache.hash(second, { onRead, signal });
  const newer = cache.save(() => found);
  gate.resolve();
  await Promise.all([older, newer]);
  const kept = decodeDigests(await fs.readText(PATH));
  assert.ok(kept.ok);
  assert.equal(kept.value.contents.size, 2);
});

Deno.test("DigestCache.save() says once that the disk is full, and writes when it is not any more", async () => {
  const fs = new MemoryFileSystem().file(KERNEL);
  const logger = new MemoryLogger();
  const cache = await DigestCache.open({ fileSystem: fs, path: PATH, logger });
  const found = await imagesOn(fs);
  for (const files of found) await cache.hash(files, { onRead, signal });
  const write = fs.writeAtomically;
  fs.writeAtomically = () => Promise.reject(new Error("No space left"));
  await cache.save(() => found);
  await cache.save(() => found);
  assert.equal(logger.lines.length, 1);
  assert.match(logger.lines[0] ?? "", /^WARN No space left; without it/);
  fs.writeAtomically = write;
  await cache.save(() => found);
  assert.deepEqual((await run(fs)).read, []);
});

Deno.test("DigestCache.open() reads a large file again whose pieces were changed on the disk", async () => {
  const large = new Uint8Array(PIECES_ABOVE_BYTES + 1);
  const fs = new MemoryFileSystem().file(KERNEL, large);
  const { images } = await run(fs);
  const kept = await fs.readText(PATH);
  const damaged = kept.replace(
    /("pieces":")(.)/,
    (_, before, first) => before + (first === "A" ? "B" : "A"),
  );
  assert.notEqual(damaged, kept);
  fs.file(PATH, damaged);
  const again = await run(fs);
  assert.deepEqual(again.read, [KERNEL]);
  assert.deepEqual(again.images, images);
  assert.equal(again.lines.length, 1);
});

for (
  const [what, kind, changed, readsAgain] of [
    ["squashfs", 0x73717368, "2026-11-22T10:00:01Z", true],
    ["an image of ext4", 0xef53, "2026-11-22T10:00:00Z", true],
    ["ext4", 0xef53, "2026-11-22T10:00:01Z", false],
  ] as const
) {
  Deno.test(`DigestCache ${readsAgain ? "reads files on" : "believes what it kept of files on"} ${what} after a restart`, async () => {
    const fs = new MemoryFileSystem().file(KERNEL, "abc", { changed });
    fs.kinds.set("/srv", kind);
    await run(fs);
    assert.deepEqual((await run(fs)).read, readsAgain ? [KERNEL] : []);
    // Not even what a program kept that knew nothing of it.
    const kept = JSON.parse(await fs.readText(PATH));
    assert.equal(Object.keys(kept.files).length, readsAgain ? 0 : 1);
  });
}

Deno.test("DigestCache.refuteChanged() has files read again whose content differs under the same times", async () => {
  const fs = new MemoryFileSystem().file(KERNEL, "abd");
  fs.kinds.set("/srv", 0x73717368);
  const logger = new MemoryLogger();
  const cache = await DigestCache.open({ fileSystem: fs, path: PATH, logger });
  const [files] = await imagesOn(fs);
  assert.ok(files);
  const before = await cache.hash(files, { onRead, signal });
  assert.equal(await cache.refuteChanged(), false);
  assert.equal(before.kernel.reading?.isRefuted, false);
  fs.overwrite(KERNEL, "abc", "2026-11-22T10:00:00Z");
  assert.equal(await cache.refuteChanged(), true);
  assert.equal(before.kernel.reading?.isRefuted, true);
  assert.equal(await cache.find(files), undefined);
  const { kernel } = await cache.hash(files, { onRead, signal });
  assert.equal(kernel.sha256, SHA256_OF_ABC);
  assert.equal(kernel.reading?.isRefuted, false);
  assert.equal(await cache.refuteChanged(), false);
});

Deno.test("DigestCache.refute() has a file read again", async () => {
  const fs = new MemoryFileSystem().file(KERNEL, "abc");
  const logger = new MemoryLogger();
  const cache = await DigestCache.open({ fileSystem: fs, path: PATH, logger });
  const [files] = await imagesOn(fs);
  assert.ok(files);
  const { kernel } = await cache.hash(files, { onRead, signal });
  cache.refute(kernel);
  assert.equal(kernel.reading?.isRefuted, true);
  assert.equal(await cache.find(files), undefined);
});

/** A cache of as many files as are not all written for one that changes. */
async function largeBench() {
  const fs = new MemoryFileSystem();
  for (let i = 0; i < 1000; i++) fs.file(`/srv/c${i}/arm64/vmlinuz`, `${i}`);
  await run(fs);
  const written: number[] = [];
  const write = fs.writeAtomically.bind(fs);
  fs.writeAtomically = (path, bytes, options) => {
    if (path === PATH) written.push(bytes.length);
    return write(path, bytes, options);
  };
  return { fs, written };
}

Deno.test("DigestCache.save() of a thousand files appends the one that has changed, and all of it is known after a restart", async () => {
  const { fs, written } = await largeBench();
  const before = await fs.readText(PATH);
  fs.file("/srv/c7/arm64/vmlinuz", "abc");
  const { images } = await run(fs);
  assert.deepEqual(written, []);
  const after = await fs.readText(PATH);
  assert.ok(after.startsWith(before));
  assert.ok(after.length < before.length + 500, `${after.length}`);
  const again = await run(fs);
  assert.deepEqual(again, { images, read: [], lines: [] });
});

Deno.test("DigestCache.save() writes all again when a quarter has been appended", async () => {
  const { fs, written } = await largeBench();
  const before = await fs.readText(PATH);
  for (let i = 0; i < 400; i++) {
    fs.file(`/srv/c${i}/arm64/vmlinuz`, `new ${i}`);
    if (i % 80 === 79) await run(fs);
  }
  assert.equal(written.length, 1);
  const kept = decodeDigests(await fs.readText(PATH));
  assert.ok(kept.ok);
  assert.equal(kept.value.contents.size, 1000, "what is gone is forgotten");
  assert.equal(kept.value.appendedCount, 0);
  assert.ok(Math.abs((written[0] ?? 0) - before.length) < 1000);
});

Deno.test("DigestCache.save() appends nothing to what was cut short when the program was killed", async () => {
  const { fs, written } = await largeBench();
  fs.file("/srv/c7/arm64/vmlinuz", "abc");
  await run(fs);
  fs.file(PATH, (await fs.readText(PATH)).slice(0, -20));
  const { read, lines } = await run(fs);
  assert.deepEqual({ read, lines }, {
    read: ["/srv/c7/arm64/vmlinuz"],
    lines: [],
  });
  assert.equal(written.length, 1);
  assert.deepEqual((await run(fs)).read, []);
});

Deno.test("DigestCache.save() writes all again when nothing could be appended", async () => {
  const { fs, written } = await largeBench();
  const append = fs.append;
  fs.append = () => Promise.reject(new Error("No space left"));
  fs.file("/srv/c7/arm64/vmlinuz", "abc");
  const logger = new MemoryLogger();
  const cache = await DigestCache.open({ fileSystem: fs, path: PATH, logger });
  const found = await imagesOn(fs);
  for (const files of found) await cache.hash(files, { onRead, signal });
  await cache.save(() => found);
  assert.equal(logger.lines.length, 1);
  assert.match(logger.lines[0] ?? "", /^WARN No space left; without it/);
  assert.deepEqual(written, []);
  fs.append = append;
  await cache.save(() => found);
  assert.equal(written.length, 1);
  assert.deepEqual((await run(fs)).read, []);
});

Deno.test("DigestCache.refute() holds across a restart among a thousand files", async () => {
  const { fs } = await largeBench();
  const logger = new MemoryLogger();
  const cache = await DigestCache.open({ fileSystem: fs, path: PATH, logger });
  const found = await imagesOn(fs);
  const [first] = found;
  assert.ok(first !== undefined);
  const { kernel } = await cache.hash(first, { onRead, signal });
  cache.refute(kernel);
  await cache.save(() => found);
  assert.deepEqual((await run(fs)).read, [kernel.path]);
});
