import assert from "node:assert/strict";
import { hasSample, SampleTaker } from "../../lib/scan/content_sample.ts";
import { MemoryFileSystem } from "../support/memory_file_system.ts";

const BLOCK_BYTES = 4096;
const PATH = "/file";

function content(sizeBytes: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(sizeBytes);
  for (let i = 0; i < sizeBytes; i++) bytes[i] = (i * 2654435761) >>> 24;
  return bytes;
}

/** A sample of bytes that pass by in chunks of some size. */
function sampleOf(bytes: Uint8Array, chunkBytes: number, random = () => 0.5) {
  const taker = new SampleTaker(bytes.length, random);
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    taker.take(bytes.subarray(at, at + chunkBytes), at);
  }
  return taker.finish();
}

async function fits(
  bytes: Uint8Array,
  sample: ReturnType<typeof sampleOf>,
  sizeBytes: number,
): Promise<boolean> {
  using file = await new MemoryFileSystem().file(PATH, bytes).open(PATH);
  return await hasSample(file, sample, sizeBytes);
}

for (
  const sizeBytes of [1, BLOCK_BYTES, BLOCK_BYTES + 1, 3 * BLOCK_BYTES, 99_999]
) {
  Deno.test(`a sample of ${sizeBytes} bytes is the same however they are read, and fits them alone`, async () => {
    const bytes = content(sizeBytes);
    const sample = sampleOf(bytes, 7001);
    assert.deepEqual(sampleOf(bytes, 1000), sample);
    assert.ok(await fits(bytes, sample, sizeBytes));
    for (const at of [0, sizeBytes - 1]) {
      const other = bytes.slice();
      other[at] = (other[at] ?? 0) ^ 1;
      assert.ok(!await fits(other, sample, sizeBytes), `byte ${at}`);
    }
    assert.ok(!await fits(bytes.subarray(1), sample, sizeBytes), "shorter");
  });
}

Deno.test("a sample has blocks that are chosen at random", async () => {
  const bytes = content(100 * BLOCK_BYTES);
  const { offsetsBytes } = sampleOf(bytes, 7001, () => 0.25);
  assert.deepEqual(offsetsBytes, [0, 25, 99].map((n) => n * BLOCK_BYTES));
  const chosen = new Set(
    Array.from(
      { length: 50 },
      () => sampleOf(bytes, 7001, Math.random).offsetsBytes[1],
    ),
  );
  assert.ok(chosen.size > 10, `${chosen.size} in 50`);
  const other = bytes.slice();
  other.set([1, 2, 3], 25 * BLOCK_BYTES + 7);
  const sample = sampleOf(bytes, 7001, () => 0.25);
  assert.ok(!await fits(other, sample, bytes.length));
});

Deno.test("a sample of nothing fits", async () => {
  assert.ok(await fits(content(0), sampleOf(content(0), 1), 0));
});
