import assert from "node:assert/strict";
import { WRITING_QUIET_MS } from "../../lib/scan/settling.ts";
import {
  machine,
  openLibrary,
  ownersManifest,
  served,
  STABLE,
} from "../support/memory_library.ts";

const { signal } = new AbortController();

Deno.test("ImageLibrary goes over from one set that its owner signed to the next without a gap, whichever part comes first", async () => {
  for (const isManifestFirst of [true, false]) {
    const parts = machine();
    const { fileSystem, clock } = parts;
    fileSystem.file(`${STABLE}/manifest.json`, await ownersManifest());
    const library = openLibrary(parts);
    const before = await served(library);
    const manifest = async () => {
      const bytes = await ownersManifest({ content: "newer" });
      fileSystem.file(`${STABLE}/manifest.json`, bytes);
    };
    const kernel = () =>
      Promise.resolve(void fileSystem.file(`${STABLE}/vmlinuz`, "newer"));
    const steps = isManifestFirst ? [manifest, kernel] : [kernel, manifest];
    await steps[0]?.();
    for (let waited = 0; waited < 20; waited++) {
      await clock.advance(1000);
      await library.refresh({ signal });
      assert.deepEqual(library.images().map(({ manifest }) => manifest.bytes), [
        before.bytes,
      ]);
    }
    assert.ok(library.isIncomplete);
    await steps[1]?.();
    await clock.advance(WRITING_QUIET_MS);
    await library.refresh({ signal });
    const after = await served(library);
    assert.notDeepEqual(after.bytes, before.bytes);
    assert.equal(after.artifacts.get("kernel")?.info.sizeBytes, 5);
    assert.ok(!library.isIncomplete);
  }
});

Deno.test("ImageLibrary goes on offering what is whole while its new manifest does not fit it", async () => {
  const parts = machine();
  const { fileSystem, clock } = parts;
  fileSystem.file(`${STABLE}/manifest.json`, await ownersManifest());
  const library = openLibrary(parts);
  const before = await served(library);
  fileSystem.file(`${STABLE}/manifest.json`, "{}");
  for (let hours = 0; hours < 3; hours++) {
    await clock.advance(3_600_000);
    await library.refresh({ signal });
    assert.deepEqual(library.images().map(({ manifest }) => manifest.bytes), [
      before.bytes,
    ]);
  }
  // Of what has changed, it is refused after a while.
  fileSystem.file(`${STABLE}/vmlinuz`, "other");
  await library.refresh({ signal });
  assert.deepEqual(library.images(), []);
});
