import assert from "node:assert/strict";
import { isIntact, StandIns } from "../../lib/provider/stand_ins.ts";
import { WRITING_QUIET_MS } from "../../lib/scan/settling.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { servedImage } from "../support/memory_catalog.ts";
import { MemoryFileSystem } from "../support/memory_file_system.ts";
import { imageOf } from "../support/sample_images.ts";

const KERNEL = "/srv/stable/arm64/vmlinuz";

async function bench() {
  const fileSystem = new MemoryFileSystem().file(KERNEL, "one");
  const clock = new FakeClock();
  const image = imageOf("stable/arm64");
  const served = await servedImage(fileSystem, image, { kernel: KERNEL });
  const standIns = new StandIns({ clock, fileSystem });
  return { fileSystem, clock, image, served, standIns };
}

Deno.test("StandIns let an image stand in that is whole, however long", async () => {
  const { clock, served, standIns } = await bench();
  for (let hours = 0; hours < 3; hours++) {
    assert.ok(await standIns.holds(served));
    await clock.advance(3_600_000);
  }
});

Deno.test("StandIns let one stand in for a while that has changed, each time anew", async () => {
  const { fileSystem, clock, image, served, standIns } = await bench();
  fileSystem.file(KERNEL, "two");
  for (let time = 0; time < 2; time++) {
    assert.ok(await standIns.holds(served));
    await clock.advance(WRITING_QUIET_MS - 1);
    assert.ok(await standIns.holds(served));
    await clock.advance(1);
    assert.ok(!await standIns.holds(served));
    standIns.end(image);
  }
});

Deno.test("isIntact() wants every file to be there as it was", async () => {
  const { fileSystem, served } = await bench();
  assert.ok(await isIntact(served, fileSystem));
  fileSystem.remove(KERNEL);
  assert.ok(!await isIntact(served, fileSystem));
});
