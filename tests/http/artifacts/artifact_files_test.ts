import fc from "fast-check";
import assert from "node:assert/strict";
import {
  ArtifactFiles,
  MIN_BLOCK_BYTES,
  type OpenArtifact,
} from "../../../lib/http/artifacts/artifact_files.ts";
import type { HashedArtifact } from "../../../lib/scan/image_files.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { hashedArtifact } from "../../support/memory_catalog.ts";
import { MemoryFileSystem } from "../../support/memory_file_system.ts";

const SIZE_BYTES = 10 * MIN_BLOCK_BYTES + 4711;
const CONTENT = new Uint8Array(SIZE_BYTES);
for (let i = 0; i < SIZE_BYTES; i++) CONTENT[i] = (i * 2654435761) >>> 24;

interface Setup {
  readonly fileSystem: MemoryFileSystem;
  readonly clock: FakeClock;
  readonly files: ArtifactFiles;
  readonly artifact: HashedArtifact;
  open(offsetBytes?: number, endBytes?: number): Promise<OpenArtifact>;
}

async function setup(keepOpenMs = 0): Promise<Setup> {
  const fileSystem = new MemoryFileSystem().file("/vmlinuz", CONTENT);
  const artifact = await hashedArtifact(fileSystem, "/vmlinuz");
  fileSystem.opened.length = 0;
  fileSystem.read.length = 0;
  const clock = new FakeClock();
  const files = new ArtifactFiles({ fileSystem, clock, keepOpenMs });
  return {
    fileSystem,
    clock,
    files,
    artifact,
    async open(offsetBytes = 0, endBytes = SIZE_BYTES) {
      const open = await files.open(artifact, { offsetBytes, endBytes });
      assert.ok(open);
      return open;
    },
  };
}

/** Reads a part to its end, each piece copied before it is given back. */
async function readAll(
  open: OpenArtifact,
  { offsetBytes, endBytes, blockBytes, maxBytes = Infinity }: {
    offsetBytes: number;
    endBytes: number;
    blockBytes: number;
    maxBytes?: number;
  },
): Promise<Uint8Array> {
  const all = new Uint8Array(endBytes - offsetBytes);
  for (let at = offsetBytes; at < endBytes;) {
    const { lengthBytes, arrived } = open.read({
      offsetBytes: at,
      maxBytes,
      blockBytes,
    });
    using lent = await arrived;
    assert.equal(lent.bytes.length, lengthBytes);
    assert.ok(lengthBytes > 0 && lengthBytes <= maxBytes);
    all.set(lent.bytes, at - offsetBytes);
    at += lengthBytes;
  }
  return all;
}

Deno.test("readers of any parts at the same time get their bytes", async () => {
  const part = fc.record({
    from: fc.nat(SIZE_BYTES - 1),
    length: fc.integer({ min: 1, max: SIZE_BYTES }),
    blockBytes: fc.constantFrom(1, 2, 4, 8).map((n) => n * MIN_BLOCK_BYTES),
    maxBytes: fc.constantFrom(7919, MIN_BLOCK_BYTES, Infinity),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(part, { minLength: 1, maxLength: 6 }),
      async (parts) => {
        const { fileSystem, open } = await setup();
        await Promise.all(parts.map(async ({ from, length, ...options }) => {
          const endBytes = Math.min(SIZE_BYTES, from + length);
          using reader = await open(from, endBytes);
          const got = await readAll(reader, {
            offsetBytes: from,
            endBytes,
            ...options,
          });
          assert.deepEqual(got, CONTENT.slice(from, endBytes));
        }));
        assert.equal(fileSystem.openCount, 0);
      },
    ),
    { numRuns: 60 },
  );
});

Deno.test("clients that are close together read the disk once", async () => {
  const { fileSystem, open } = await setup();
  using leader = await open();
  using follower = await open();
  const whole = {
    offsetBytes: 0,
    endBytes: SIZE_BYTES,
    blockBytes: MIN_BLOCK_BYTES,
  };
  await readAll(leader, whole);
  const reads = fileSystem.read.length;
  assert.deepEqual(await readAll(follower, whole), CONTENT);
  assert.equal(fileSystem.read.length, reads);
});

Deno.test("a client alone reads every byte once, however little it takes at a time", async () => {
  const { fileSystem, open } = await setup();
  fileSystem.readBytes = 0;
  using reader = await open();
  await readAll(reader, {
    offsetBytes: 0,
    endBytes: SIZE_BYTES,
    blockBytes: MIN_BLOCK_BYTES,
    maxBytes: 50_000,
  });
  assert.equal(fileSystem.readBytes, SIZE_BYTES);
});

Deno.test("what nobody will come to is not kept", async () => {
  const { fileSystem, open } = await setup();
  using _ahead = await open(5 * MIN_BLOCK_BYTES);
  const part = { offsetBytes: 0, endBytes: 1000, blockBytes: MIN_BLOCK_BYTES };
  for (let time = 1; time <= 3; time++) {
    using reader = await open(0, 1000);
    await readAll(reader, part);
    assert.equal(fileSystem.read.length, time);
  }
});

Deno.test("a file stays open for the next range, and no longer", async () => {
  const { fileSystem, clock, open } = await setup(1000);
  for (let range = 0; range < 3; range++) {
    (await open())[Symbol.dispose]();
    await clock.advance(900);
  }
  assert.equal(fileSystem.opened.length, 1);
  assert.equal(fileSystem.openCount, 1);
  await clock.advance(200);
  assert.equal(fileSystem.openCount, 0);
  assert.equal(clock.pending, 0);
});

Deno.test("closeIdle() closes what nobody reads, and nothing else", async () => {
  const { fileSystem, clock, files, open } = await setup(1000);
  const reader = await open();
  files.closeIdle();
  assert.equal(fileSystem.openCount, 1);
  reader[Symbol.dispose]();
  files.closeIdle();
  assert.equal(fileSystem.openCount, 0);
  assert.equal(clock.pending, 0);
});

Deno.test("a file that was overwritten while it stayed open is another one", async () => {
  const { fileSystem, files, artifact, open } = await setup(1000);
  using before = await open();
  fileSystem.overwrite("/vmlinuz", "new", "2027-01-01");
  assert.equal(await before.isUnchanged(), false);
  const part = { offsetBytes: 0, endBytes: 3 };
  assert.equal(await files.open(artifact, part), undefined);
  using after = await files.open(
    await hashedArtifact(fileSystem, "/vmlinuz"),
    part,
  );
  assert.ok(after);
  const { arrived } = after.read({
    offsetBytes: 0,
    maxBytes: 3,
    blockBytes: MIN_BLOCK_BYTES,
  });
  using lent = await arrived;
  assert.equal(new TextDecoder().decode(lent.bytes), "new");
});

Deno.test("a file that was replaced by renaming is read on by those who have it", async () => {
  const { fileSystem, open } = await setup();
  const readers = [await open(), await open(), await open()];
  fileSystem.file("/vmlinuz", "new");
  const whole = {
    offsetBytes: 0,
    endBytes: SIZE_BYTES,
    blockBytes: MIN_BLOCK_BYTES,
  };
  const all = await Promise.all(
    readers.map((reader) => readAll(reader, whole)),
  );
  for (const got of all) assert.deepEqual(got, CONTENT);
  for (const reader of readers) {
    assert.ok(await reader.isUnchanged());
    reader[Symbol.dispose]();
  }
  assert.equal(fileSystem.openCount, 0);
});

Deno.test("a file that became shorter fails all who wait for it, and is let go", async () => {
  const { fileSystem, open } = await setup();
  const readers = [await open(), await open()];
  fileSystem.overwrite("/vmlinuz", "short", "2027-01-01");
  for (const reader of readers) {
    const { arrived } = reader.read({
      offsetBytes: MIN_BLOCK_BYTES,
      maxBytes: 10,
      blockBytes: MIN_BLOCK_BYTES,
    });
    await assert.rejects(arrived, /shorter/);
    reader[Symbol.dispose]();
  }
  assert.equal(fileSystem.openCount, 0);
});

Deno.test("a file that cannot be opened throws, and is tried again", async () => {
  const { fileSystem, files, artifact, open } = await setup(1000);
  fileSystem.setReadable("/vmlinuz", false);
  await assert.rejects(
    files.open(artifact, { offsetBytes: 0, endBytes: 1 }),
    /permission denied/,
  );
  fileSystem.setReadable("/vmlinuz", true);
  (await open())[Symbol.dispose]();
});

Deno.test("a file that is gone throws for all who wait for it", async () => {
  const { fileSystem, files, artifact } = await setup(1000);
  fileSystem.remove("/vmlinuz");
  const opening = Array.from(
    { length: 8 },
    () => files.open(artifact, { offsetBytes: 0, endBytes: 1 }),
  );
  for (const result of await Promise.allSettled(opening)) {
    assert.equal(result.status, "rejected");
  }
});

Deno.test("a file that was replaced before it was opened is another one for all", async () => {
  const { fileSystem, files, artifact } = await setup(1000);
  fileSystem.file("/vmlinuz", "new");
  const opening = Array.from(
    { length: 8 },
    () => files.open(artifact, { offsetBytes: 0, endBytes: 1 }),
  );
  for (const open of await Promise.all(opening)) assert.equal(open, undefined);
  assert.equal(fileSystem.openCount, 0);
});

Deno.test("a file that was overwritten with its time put back is another one", async () => {
  const { fileSystem, files, artifact, open } = await setup();
  using before = await open();
  const modified = new Date(artifact.info.modifiedMs).toISOString();
  const same = "x".repeat(SIZE_BYTES);
  fileSystem.overwrite("/vmlinuz", same, modified, "2027-01-01");
  assert.equal(await before.isUnchanged(), false);
  const part = { offsetBytes: 0, endBytes: SIZE_BYTES };
  assert.equal(await files.open(artifact, part), undefined);
  using after = await files.open(
    await hashedArtifact(fileSystem, "/vmlinuz"),
    part,
  );
  assert.ok(after);
});

Deno.test("a file whose owner was changed is the same, and is digested once", async () => {
  const fileSystem = new MemoryFileSystem().file("/vmlinuz", "a kernel");
  const artifact = await hashedArtifact(fileSystem, "/vmlinuz");
  const files = new ArtifactFiles({
    fileSystem,
    clock: new FakeClock(),
    keepOpenMs: 0,
  });
  const part = { offsetBytes: 0, endBytes: 8 };
  using before = await files.open(artifact, part);
  const modified = new Date(artifact.info.modifiedMs).toISOString();
  fileSystem.overwrite("/vmlinuz", "a kernel", modified, "2027-01-01");
  fileSystem.read.length = 0;
  const all = await Promise.all(
    Array.from({ length: 5 }, () => before?.isUnchanged()),
  );
  assert.deepEqual(all, [true, true, true, true, true]);
  using after = await files.open(artifact, part);
  assert.ok(after);
  assert.equal(fileSystem.read.length, 2, "its content, and its end");
});

Deno.test("a file that was touched is sent, and one that takes long to check is refused meanwhile", async () => {
  const { fileSystem, clock, files, artifact, open } = await setup(1000);
  const again = "2026-11-22T11:00:00Z";
  fileSystem.file("/vmlinuz", CONTENT, { modified: again });
  using touched = await open();
  assert.equal(touched.isUnchanged(), true);
  touched[Symbol.dispose]();
  await clock.advance(1000);
  fileSystem.file("/vmlinuz", CONTENT, { modified: "2026-11-22T12:00:00Z" });
  const { promise, resolve: goOn } = Promise.withResolvers<void>();
  fileSystem.reads = promise;
  const wish = { offsetBytes: 0, endBytes: SIZE_BYTES };
  const refused = [files.open(artifact, wish), files.open(artifact, wish)];
  await clock.advance(2000);
  assert.deepEqual(await Promise.all(refused), [undefined, undefined]);
  const later = files.open(artifact, wish);
  await clock.advance(1500);
  goOn();
  using open_ = await later;
  assert.ok(open_, "as soon as it is known to be the same");
  assert.ok(fileSystem.readBytes <= 4 * SIZE_BYTES, "read once for all three");
});

Deno.test("a file whose reading was refuted is refused, and breaks what is under way", async () => {
  const { files, artifact } = await setup();
  const reading = { isRefuted: false };
  const wish = { offsetBytes: 0, endBytes: SIZE_BYTES };
  using open = await files.open({ ...artifact, reading }, wish);
  assert.equal(await open?.isUnchanged(), true);
  reading.isRefuted = true;
  assert.equal(await open?.isUnchanged(), false);
  assert.equal(await files.open({ ...artifact, reading }, wish), undefined);
});

Deno.test("64 files at most stay open for those who come again", async () => {
  const fileSystem = new MemoryFileSystem();
  const clock = new FakeClock();
  const files = new ArtifactFiles({ fileSystem, clock, keepOpenMs: 1000 });
  for (let i = 0; i < 200; i++) {
    fileSystem.file(`/${i}`, "content");
    const artifact = await hashedArtifact(fileSystem, `/${i}`);
    const open = await files.open(artifact, { offsetBytes: 0, endBytes: 7 });
    open?.[Symbol.dispose]();
  }
  assert.equal(fileSystem.openCount, 64);
  await clock.advance(1000);
  assert.equal(fileSystem.openCount, 0);
  assert.equal(clock.pending, 0);
});
