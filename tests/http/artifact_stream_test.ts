import assert from "node:assert/strict";
import { artifactStream } from "../../lib/http/artifact_stream.ts";
import { createTransfers, type Transfer } from "../../lib/http/transfers.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { MemoryFileSystem } from "../support/memory_file_system.ts";

const SIZE_BYTES = 1_000_000;

interface Setup {
  readonly fileSystem: MemoryFileSystem;
  readonly transfer: Transfer;
  /** Paths and positions of every read so far. */
  readonly reads: number[];
  open(lendChunks: boolean): Promise<ReadableStream<Uint8Array<ArrayBuffer>>>;
}

/** A stream of a file that is read in four chunks. */
function setup({ others = 0 } = {}): Setup {
  const fileSystem = new MemoryFileSystem()
    .file("/vmlinuz", new Uint8Array(SIZE_BYTES).fill(7));
  const transfers = createTransfers({
    clock: new FakeClock(),
    limits: { maxConnections: 100, stallTimeoutMs: 1000 },
  });
  const subject = {
    client: "10.0.0.7",
    artifact: "stable/arm64/vmlinuz",
    sizeBytes: SIZE_BYTES,
    offsetBytes: 0,
    lengthBytes: SIZE_BYTES,
  };
  const forEver = new Promise<void>(() => {});
  for (let i = 0; i < others; i++) transfers.begin(subject, forEver);
  const transfer = transfers.begin(subject, forEver);
  if (transfer === undefined) throw new Error("refused");
  const reads: number[] = [];
  return {
    fileSystem,
    transfer,
    reads,
    async open(lendChunks) {
      const file = await fileSystem.open("/vmlinuz");
      return artifactStream(
        {
          ...file,
          readAt(buffer, offsetBytes) {
            reads.push(offsetBytes);
            return file.readAt(buffer, offsetBytes);
          },
        },
        {
          offsetBytes: 0,
          lengthBytes: SIZE_BYTES,
          transfer,
          lendChunks,
          verify: () => Promise.resolve(),
        },
      );
    },
  };
}

/** Lets whatever goes on in the background get as far as it can. */
function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

Deno.test("artifactStream() reads nothing before it is asked", async () => {
  const { open, reads, fileSystem } = setup();
  const stream = await open(false);
  await settle();
  assert.deepEqual(reads, []);
  await stream.cancel();
  assert.equal(fileSystem.openCount, 0);
});

Deno.test("artifactStream() reads one chunk ahead of a lone client", async () => {
  const { open, reads, fileSystem } = setup();
  const stream = await open(false);
  const reader = stream.getReader();
  await reader.read();
  await settle();
  assert.equal(reads.length, 2);
  await reader.cancel();
  assert.equal(fileSystem.openCount, 0);
});

Deno.test("artifactStream() reads nothing ahead, and less at once, in a crowd", async () => {
  const alone = await setup().open(false);
  const { open, reads } = setup({ others: 60 });
  const stream = await open(false);
  const [big, small] = [alone.getReader(), stream.getReader()];
  const atOnce = (await small.read()).value?.length ?? NaN;
  await settle();
  assert.equal(reads.length, 1);
  assert.ok(atOnce < ((await big.read()).value?.length ?? NaN));
  await Promise.all([big.cancel(), small.cancel()]);
});

Deno.test("artifactStream() frees a chunk that was lent when the next is wanted", async () => {
  for (const lendChunks of [true, false]) {
    const reader = (await setup().open(lendChunks)).getReader();
    const first = (await reader.read()).value;
    assert.ok(first !== undefined && first.length > 0);
    await reader.read();
    assert.equal(first.length === 0, lendChunks);
    await reader.cancel();
  }
});

Deno.test("artifactStream() closes the file after a read that outlives the client", async () => {
  const { open, fileSystem } = setup();
  const reader = (await open(false)).getReader();
  const reading = reader.read();
  await reader.cancel();
  assert.equal((await reading).done, true);
  await settle();
  assert.equal(fileSystem.openCount, 0);
});

Deno.test("artifactStream() of all chunks is the file", async () => {
  const { open, fileSystem } = setup();
  const bytes = await new Response(await open(false)).bytes();
  assert.deepEqual(bytes, new Uint8Array(SIZE_BYTES).fill(7));
  assert.equal(fileSystem.openCount, 0);
});
