import assert from "node:assert/strict";
import { ServedBlobs } from "../../lib/provider/served_blobs.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { servedImage } from "../support/memory_catalog.ts";
import { MemoryFileSystem } from "../support/memory_file_system.ts";
import { imageOf } from "../support/sample_images.ts";

/** Two releases of one image, the first of which is served. */
async function bench() {
  const fileSystem = new MemoryFileSystem()
    .file("/srv/1/vmlinuz", "one").file("/srv/2/vmlinuz", "two");
  const clock = new FakeClock();
  const release = (number: number) =>
    servedImage(fileSystem, imageOf("stable/arm64"), {
      kernel: `/srv/${number}/vmlinuz`,
    });
  const [first, second] = [await release(1), await release(2)];
  const blobs = new ServedBlobs({ clock, fileSystem });
  await blobs.update([first]);
  const hash = first.artifacts.get("kernel")?.sha256 ?? "";
  return { fileSystem, clock, blobs, first, second, hash };
}

Deno.test("ServedBlobs keeps what an image has moved on from for ten minutes", async () => {
  const { blobs, clock, first, second, hash } = await bench();
  assert.equal(blobs.find(hash)?.served, first);
  await blobs.update([second]);
  assert.equal(blobs.find(hash)?.served, first);
  await clock.advance(599_000);
  await blobs.update([second]);
  assert.equal(blobs.find(hash)?.served, first);
  await clock.advance(1000);
  assert.equal(blobs.find(hash), undefined);
});

Deno.test("ServedBlobs lets go of what is not there any more, or was taken away", async () => {
  const { blobs, clock, fileSystem, second, hash } = await bench();
  await blobs.update([second]);
  fileSystem.remove("/srv/1");
  await clock.advance(5000);
  await blobs.update([second]);
  assert.equal(blobs.find(hash), undefined);
  const other = await bench();
  await other.blobs.update([]);
  assert.equal(other.blobs.find(other.hash), undefined);
});

Deno.test("ServedBlobs looks at what it keeps every five seconds, however often it is asked", async () => {
  const { blobs, clock, fileSystem, second } = await bench();
  await blobs.update([second]);
  await clock.advance(5000);
  fileSystem.calls.length = 0;
  for (let i = 0; i < 10; i++) await blobs.update([second]);
  assert.deepEqual(fileSystem.calls, ["/srv/1/vmlinuz"]);
});

Deno.test("ServedBlobs finds content of two images when one of them is gone", async () => {
  const { blobs, first, second, hash } = await bench();
  const twin = { ...first, image: imageOf("testing/arm64") };
  await blobs.update([first, twin]);
  await blobs.update([first]);
  assert.equal(blobs.find(hash)?.served, first);
  await blobs.update([first, twin]);
  await blobs.update([second, twin]);
  assert.equal(blobs.find(hash)?.served, twin);
});

Deno.test("ServedBlobs finds a file by the list of its pieces, as long as it keeps the file", async () => {
  const { blobs, clock, first, second, hash } = await bench();
  const pieces = { list: new Uint8Array(64), sha256: "9".repeat(64) };
  const artifacts = new Map(
    [...first.artifacts].map(([role, one]) => [role, { ...one, pieces }]),
  );
  const large = { ...first, artifacts };
  await blobs.update([large]);
  assert.equal(blobs.findOfPieces(pieces.sha256)?.served, large);
  assert.equal(blobs.findOfPieces(hash), undefined);
  await blobs.update([second]);
  assert.equal(blobs.findOfPieces(pieces.sha256)?.served, large);
  await clock.advance(600_000);
  assert.equal(blobs.findOfPieces(pieces.sha256), undefined);
  await blobs.update([second]);
  assert.equal(blobs.findOfPieces(pieces.sha256), undefined);
});
