import assert from "node:assert/strict";
import { disk } from "../../lib/cli/disk.ts";
import { MAX_ENVELOPE_BYTES } from "../../lib/manifest/envelope.ts";
import { readEnvelopeFile } from "../../lib/manifest/read_envelope_file.ts";
import { MemoryFileSystem } from "../support/memory_file_system.ts";

const options = { signal: new AbortController().signal };

Deno.test("readEnvelopeFile() gives the bytes as they are", async () => {
  const path = await Deno.makeTempFile();
  try {
    const bytes = Uint8Array.of(0xef, 0xbb, 0xbf, 0xff, 0x00);
    await Deno.writeFile(path, bytes);
    assert.deepEqual(await readEnvelopeFile(path, disk, options), bytes);
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("readEnvelopeFile() gives undefined where there is no file", async () => {
  const fileSystem = new MemoryFileSystem().directory("/d").special("/fifo");
  for (const path of ["/nowhere", "/d", "/fifo"]) {
    assert.equal(await readEnvelopeFile(path, fileSystem, options), undefined);
  }
  assert.deepEqual(fileSystem.opened, []);
});

Deno.test("readEnvelopeFile() reads one byte more than is allowed, and closes the file", async () => {
  const fileSystem = new MemoryFileSystem()
    .file("/big", new Uint8Array(MAX_ENVELOPE_BYTES + 1000));
  const bytes = await readEnvelopeFile("/big", fileSystem, options);
  assert.equal(bytes?.length, MAX_ENVELOPE_BYTES + 1);
  assert.equal(fileSystem.openCount, 0);
});

Deno.test("readEnvelopeFile() passes on that it may not read", async () => {
  const fileSystem = new MemoryFileSystem().file("/f").setReadable("/f", false);
  await assert.rejects(
    readEnvelopeFile("/f", fileSystem, options),
    /permission denied/,
  );
});
