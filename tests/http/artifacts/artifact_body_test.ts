import assert from "node:assert/strict";
import { ArtifactBody } from "../../../lib/http/artifacts/artifact_body.ts";
import { ArtifactFiles } from "../../../lib/http/artifacts/artifact_files.ts";
import { Transfer, Transfers } from "../../../lib/http/artifacts/transfers.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { hashedArtifact } from "../../support/memory_catalog.ts";
import { MemoryFileSystem } from "../../support/memory_file_system.ts";

const SIZE_BYTES = 9_000_000;

interface Setup {
  readonly fileSystem: MemoryFileSystem;
  readonly transfer: Transfer;
  /** Positions of every read so far. */
  readonly reads: number[];
  open(verify?: () => Promise<void>): Promise<ArtifactBody>;
}

/** A file that is read in several chunks. */
function setup({ others = 0 } = {}): Setup {
  const fileSystem = new MemoryFileSystem()
    .file("/vmlinuz", new Uint8Array(SIZE_BYTES).fill(7));
  const transfers = new Transfers({
    clock: new FakeClock(),
    limits: { maxConnections: 100 },
  });
  const subject = {
    client: "10.0.0.7",
    artifact: "stable/arm64/vmlinuz",
    sizeBytes: SIZE_BYTES,
    offsetBytes: 0,
    lengthBytes: SIZE_BYTES,
  };
  const forEver = new Promise<void>(() => {});
  const begin = () =>
    transfers.begin(
      subject,
      { whenCompleted: () => forEver, close: () => {} },
      { waitMs: 0, comesBack: true },
    );
  for (let i = 0; i < others; i++) begin();
  const transfer = begin();
  if (!(transfer instanceof Transfer)) throw new Error("refused");
  const reads: number[] = [];
  return {
    fileSystem,
    transfer,
    reads,
    async open(verify = () => Promise.resolve()) {
      const files = new ArtifactFiles({
        fileSystem: {
          async open(path) {
            const file = await fileSystem.open(path);
            return {
              ...file,
              readAt(buffer, at) {
                reads.push(at);
                return file.readAt(buffer, at);
              },
            };
          },
        },
        clock: new FakeClock(),
        keepOpenMs: 0,
      });
      const artifact = await files.open(
        await hashedArtifact(fileSystem, "/vmlinuz"),
        { offsetBytes: 0, endBytes: SIZE_BYTES },
      );
      if (artifact === undefined) throw new Error("changed");
      return new ArtifactBody(artifact, {
        offsetBytes: 0,
        lengthBytes: SIZE_BYTES,
        transfer,
        verify,
      });
    },
  };
}

/** Lets whatever goes on in the background get as far as it can. */
function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

Deno.test("an ArtifactBody reads nothing before it is asked", async () => {
  const { open, reads, fileSystem } = setup();
  const body = await open();
  await settle();
  assert.deepEqual(reads, []);
  body.cancel();
  assert.equal(fileSystem.openCount, 0);
});

Deno.test("an ArtifactBody reads two chunks ahead of a lone client", async () => {
  const { open, reads, fileSystem } = setup();
  const body = await open();
  await body.read();
  await settle();
  assert.equal(reads.length, 3);
  body.cancel();
  await settle();
  assert.equal(fileSystem.openCount, 0);
});

Deno.test("an ArtifactBody reads nothing ahead, and less at once, in a crowd", async () => {
  const alone = await setup().open();
  const { open, reads } = setup({ others: 99 });
  const body = await open();
  const atOnce = (await body.read())?.length ?? NaN;
  await settle();
  assert.equal(reads.length, 1);
  assert.ok(atOnce < ((await alone.read())?.length ?? NaN));
  body.cancel();
  alone.cancel();
});

Deno.test("an ArtifactBody uses the memory of a chunk again when the next is wanted", async () => {
  const body = await setup({ others: 99 }).open();
  const memory = new Set<ArrayBuffer>();
  for (let read = 0; read < 10; read++) {
    const bytes = await body.read();
    assert.ok(bytes);
    memory.add(bytes.buffer);
  }
  body.cancel();
  assert.equal(memory.size, 1);
});

Deno.test("an ArtifactBody closes the file after a read that outlives the client", async () => {
  const { open, fileSystem } = setup();
  const body = await open();
  const reading = body.read();
  body.cancel();
  await assert.rejects(reading, /over/);
  await settle();
  assert.equal(fileSystem.openCount, 0);
});

Deno.test("an ArtifactBody holds the last bytes back until they are verified", async () => {
  const { open, fileSystem } = setup();
  const body = await open(() => Promise.reject(new Error("it has changed")));
  let received = 0;
  await assert.rejects(async () => {
    for (let bytes; (bytes = await body.read()) !== undefined;) {
      received += bytes.length;
    }
  }, /it has changed/);
  assert.ok(received > 0 && received < SIZE_BYTES);
  await settle();
  assert.equal(fileSystem.openCount, 0);
});

Deno.test("an ArtifactBody is the file", async () => {
  const { open, fileSystem } = setup();
  const body = await open();
  const received = new Uint8Array(SIZE_BYTES);
  let count = 0;
  for (let bytes; (bytes = await body.read()) !== undefined;) {
    received.set(bytes, count);
    count += bytes.length;
  }
  assert.deepEqual(received, new Uint8Array(SIZE_BYTES).fill(7));
  assert.equal(fileSystem.openCount, 0);
});
