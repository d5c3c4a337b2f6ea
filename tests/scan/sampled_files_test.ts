import assert from "node:assert/strict";
import { SampleTaker } from "../../lib/scan/content_sample.ts";
import { fileIdentity } from "../../lib/scan/digest.ts";
import { SampledFiles } from "../../lib/scan/sampled_files.ts";
import { MemoryFileSystem } from "../support/memory_file_system.ts";

const TIME = "2023-11-14T22:13:20Z";

async function sampled(count: number) {
  const fs = new MemoryFileSystem();
  const files = new SampledFiles(fs);
  const identities: string[] = [];
  for (let i = 0; i < count; i++) {
    const path = `/srv/${i}`;
    fs.file(path, `content ${i}`, { modified: TIME, changed: TIME });
    const info = await fs.stat(path);
    const taker = new SampleTaker(info.sizeBytes);
    taker.take(new TextEncoder().encode(`content ${i}`), 0);
    files.add({ filename: `${i}`, path, info }, taker.finish());
    identities.push(fileIdentity(info));
  }
  return { fs, files, identities };
}

Deno.test("SampledFiles tells when one of its files differs, and then doubts all of the device", async () => {
  const { fs, files, identities } = await sampled(3);
  assert.deepEqual(await files.findChanged(), []);
  fs.overwrite("/srv/1", "CONTENT 1", TIME, TIME);
  assert.deepEqual((await files.findChanged()).sort(), identities.sort());
  for (const identity of identities) files.delete(identity);
  assert.deepEqual(await files.findChanged(), []);
});

Deno.test("SampledFiles leaves to the scan what is gone, unreadable or another file", async () => {
  const { fs, files } = await sampled(3);
  fs.remove("/srv/0").setReadable("/srv/1", false);
  fs.overwrite("/srv/2", "CONTENT 2", "2026-01-01T00:00:00Z");
  assert.deepEqual(await files.findChanged(), []);
  assert.equal(fs.openCount, 0);
});

Deno.test("SampledFiles compares 64 files at a time, all of them in turn", async () => {
  const { fs, files } = await sampled(150);
  fs.overwrite("/srv/140", "CONTENT 140", TIME, TIME);
  fs.opened.length = 0;
  assert.deepEqual(await files.findChanged(), []);
  assert.equal(fs.opened.length, 64);
  assert.deepEqual(await files.findChanged(), []);
  assert.equal((await files.findChanged()).length, 150);
  assert.deepEqual(new Set(fs.opened).size, 150);
});
