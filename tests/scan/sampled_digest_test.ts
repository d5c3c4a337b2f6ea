import assert from "node:assert/strict";
import {
  digestWithSample,
  stillHasSample,
} from "../../lib/scan/sampled_digest.ts";
import { MemoryFileSystem } from "../support/memory_file_system.ts";

const PATH = "/srv/vmlinuz";
const TIME = "2023-11-14T22:13:20Z";
const { signal } = new AbortController();

Deno.test("digestWithSample() takes a sample of what its times tell nothing of, and stillHasSample() compares it", async () => {
  const fs = new MemoryFileSystem().file(PATH, "a".repeat(9000), {
    modified: TIME,
  });
  const file = { filename: "vmlinuz", path: PATH, info: await fs.stat(PATH) };
  const told = await digestWithSample(file, fs, { kind: 0xef53, signal });
  assert.equal(told.sample, undefined);
  const { sample, sha256 } = await digestWithSample(file, fs, {
    kind: 0x73717368,
    signal,
  });
  assert.equal(sha256, told.sha256);
  assert.ok(sample);
  assert.equal(await stillHasSample(file, sample, fs), true);
  fs.overwrite(PATH, "a".repeat(8999) + "b", TIME);
  assert.equal(await stillHasSample(file, sample, fs), false);
  assert.equal(fs.openCount, 0);
});
