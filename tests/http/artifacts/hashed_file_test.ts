import assert from "node:assert/strict";
import { ContentChecks } from "../../../lib/http/artifacts/content_checks.ts";
import { HashedFile } from "../../../lib/http/artifacts/hashed_file.ts";
import { SampleTaker } from "../../../lib/scan/content_sample.ts";
import { hashedArtifact } from "../../support/memory_catalog.ts";
import { MemoryFileSystem } from "../../support/memory_file_system.ts";

const PATH = "/srv/vmlinuz";
const TIME = "2026-11-22T10:00:00Z";
const LATER = "2026-11-22T11:00:00Z";

async function setup(): Promise<{ disk: MemoryFileSystem; file: HashedFile }> {
  const disk = new MemoryFileSystem().file(PATH, "old content");
  const artifact = await hashedArtifact(disk, PATH);
  return {
    disk,
    file: new HashedFile(artifact, {
      fileSystem: disk,
      checks: new ContentChecks(),
    }),
  };
}

/** So many bytes of a file, as text. */
async function read(
  file: HashedFile,
  offsetBytes: number,
  count: number,
): Promise<string> {
  const buffer = new Uint8Array(count);
  await file.read(buffer, offsetBytes);
  return new TextDecoder().decode(buffer);
}

Deno.test("HashedFile opens nothing before it is read, and closes all at the end", async () => {
  const { disk, file } = await setup();
  assert.equal(disk.openCount, 0);
  assert.equal(await read(file, 4, 7), "content");
  assert.equal(disk.openCount, 1);
  file[Symbol.dispose]();
  assert.equal(disk.openCount, 0);
});

Deno.test("HashedFile has the file open four times at most, however many read", async () => {
  const { disk, file } = await setup();
  const reads = Array.from({ length: 50 }, () => read(file, 0, 3));
  assert.deepEqual(new Set(await Promise.all(reads)), new Set(["old"]));
  assert.equal(disk.openCount, 4);
  file[Symbol.dispose]();
  assert.equal(disk.openCount, 0);
});

Deno.test("HashedFile is the file that was hashed, whatever gets its name", async () => {
  const { disk, file } = await setup();
  await read(file, 0, 1);
  disk.file(PATH, "new content", { modified: LATER });
  assert.equal(await read(file, 0, 3), "old");
  disk.remove(PATH);
  assert.equal(await read(file, 0, 3), "old");
  assert.equal(await file.isUnchanged(), true);
});

Deno.test("HashedFile tells that another file was there when it was opened", async () => {
  const { disk, file } = await setup();
  disk.file(PATH, "new content", { modified: LATER });
  assert.equal(await file.isUnchanged(), false);
});

Deno.test("HashedFile looks at the content where only the time of change is new", async () => {
  for (const [content, isUnchanged] of [["old", true], ["bad", false]]) {
    const { disk, file } = await setup();
    await read(file, 0, 1);
    assert.equal(file.isUnchanged(), true);
    disk.overwrite(PATH, `${content} content`, TIME, LATER);
    assert.equal(await file.isUnchanged(), isUnchanged);
    // Known from then on.
    if (isUnchanged) assert.equal(file.isUnchanged(), true);
  }
});

Deno.test("HashedFile takes an identical copy in its place, and what was only touched", async () => {
  for (const [content, isUnchanged] of [["old", true], ["bad", false]]) {
    const copied = await setup();
    copied.disk.file(PATH, `${content} content`, { modified: LATER });
    assert.equal(await copied.file.isUnchanged(), isUnchanged);
    const touched = await setup();
    await read(touched.file, 0, 1);
    touched.disk.overwrite(PATH, `${content} content`, LATER);
    assert.equal(await touched.file.isUnchanged(), isUnchanged);
  }
});

Deno.test("HashedFile reads nothing of a file of another size", async () => {
  const { disk, file } = await setup();
  disk.file(PATH, "other content", { modified: LATER });
  disk.read.length = 0;
  assert.equal(await file.isUnchanged(), false);
  assert.deepEqual(disk.read, []);
});

Deno.test("HashedFile compares a sample where there is one when it opens the file, and only then", async () => {
  for (const [content, isUnchanged] of [["old", true], ["bad", false]]) {
    const disk = new MemoryFileSystem().file(PATH, "old content");
    const taker = new SampleTaker(11);
    taker.take(new TextEncoder().encode("old content"), 0);
    const sample = taker.finish();
    const artifact = { ...await hashedArtifact(disk, PATH), sample };
    const file = new HashedFile(artifact, {
      fileSystem: disk,
      checks: new ContentChecks(),
    });
    disk.overwrite(PATH, `${content} content`, TIME);
    assert.equal(await file.isUnchanged(), isUnchanged);
    disk.read.length = 0;
    if (isUnchanged) assert.equal(file.isUnchanged(), true);
    assert.deepEqual(disk.read, []);
  }
});

Deno.test("HashedFile says when the file has become shorter", async () => {
  const { disk, file } = await setup();
  disk.overwrite(PATH, "old", LATER);
  await assert.rejects(read(file, 0, 11), /has become shorter/);
});

Deno.test("HashedFile fails for all who wait when the file is gone", async () => {
  const { disk, file } = await setup();
  disk.remove(PATH);
  const reads = Array.from({ length: 9 }, () => read(file, 0, 1));
  const outcomes = await Promise.allSettled(reads);
  assert.deepEqual(
    new Set(outcomes.map(({ status }) => status)),
    new Set(["rejected"]),
  );
  disk.file(PATH, "old content");
  assert.equal(await read(file, 0, 3), "old");
});
