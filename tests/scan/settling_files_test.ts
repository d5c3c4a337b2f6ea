import assert from "node:assert/strict";
import type { ImageFiles } from "../../lib/scan/image_files.ts";
import {
  QUIET_MS,
  REOPENED_QUIET_MS,
  WRITING_QUIET_MS,
} from "../../lib/scan/settling.ts";
import { SettlingFiles } from "../../lib/scan/settling_files.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { MemoryFileSystem } from "../support/memory_file_system.ts";

const KERNEL = "/srv/stable/arm64/vmlinuz";
/** What a FakeClock shows at first. */
const NOW = "2026-11-22T12:00:00Z";

/** Files on a disk, and when they come to rest. */
class Bench {
  readonly clock = new FakeClock(NOW);
  readonly disk = new MemoryFileSystem();
  readonly files = new SettlingFiles(this.clock);

  /** Whether the image of one kernel has settled, as the disk is now. */
  async isSettled(): Promise<boolean> {
    const image = await this.#image();
    this.files.update([image]);
    return this.files.isWhole(image);
  }

  async #image(): Promise<ImageFiles> {
    return {
      image: { channel: "stable", arch: "arm64" },
      directory: "/srv/stable/arm64",
      kernel: {
        filename: "vmlinuz",
        path: KERNEL,
        info: await this.disk.stat(KERNEL),
      },
      dtbs: [],
      files: [],
      initrds: [],
    };
  }
}

Deno.test("SettlingFiles takes what lay there before at once", async () => {
  const bench = new Bench();
  bench.disk.file(KERNEL, "old", { modified: "2026-11-22T11:00:00Z" });
  assert.equal(await bench.isSettled(), true);
  assert.equal(bench.files.settlesInMs, undefined);
});

Deno.test("SettlingFiles holds a new file back until it was quiet, and says how long", async () => {
  const bench = new Bench();
  bench.disk.file(KERNEL, "new", { modified: NOW });
  assert.equal(await bench.isSettled(), false);
  assert.equal(bench.files.settlesInMs, QUIET_MS);
  await bench.clock.advance(QUIET_MS - 1);
  assert.equal(await bench.isSettled(), false);
  assert.equal(bench.files.settlesInMs, 1);
  await bench.clock.advance(1);
  assert.equal(await bench.isSettled(), true);
});

Deno.test("SettlingFiles holds a file back longer while it is half copied", async () => {
  const bench = new Bench();
  bench.disk.file(KERNEL, "ha", { modified: NOW });
  assert.equal(await bench.isSettled(), false);
  await bench.clock.advance(1000);
  bench.disk.overwrite(KERNEL, "half", "2026-11-22T12:00:01Z");
  assert.equal(await bench.isSettled(), false);
  assert.equal(bench.files.settlesInMs, WRITING_QUIET_MS);
});

Deno.test("SettlingFiles asks again of a file that has changed since it settled", async () => {
  const bench = new Bench();
  bench.disk.file(KERNEL, "old", { modified: "2026-11-22T11:00:00Z" });
  assert.equal(await bench.isSettled(), true);
  bench.disk.overwrite(KERNEL, "other", NOW);
  bench.files.noteWriter(KERNEL, "closed");
  assert.equal(await bench.isSettled(), false);
  assert.equal(bench.files.settlesInMs, REOPENED_QUIET_MS);
  await bench.clock.advance(REOPENED_QUIET_MS);
  assert.equal(await bench.isSettled(), true);
});

Deno.test("SettlingFiles takes a file sooner whose directory was moved into place", async () => {
  const bench = new Bench();
  bench.disk.file(KERNEL, "new", { modified: NOW });
  bench.files.noteWriter("/srv/stable", "closed");
  assert.equal(await bench.isSettled(), false);
  assert.ok((bench.files.settlesInMs ?? Infinity) < QUIET_MS);
});

Deno.test("SettlingFiles forgets what is no longer looked at", async () => {
  const bench = new Bench();
  bench.disk.file(KERNEL, "new", { modified: NOW });
  assert.equal(await bench.isSettled(), false);
  bench.files.update([]);
  assert.equal(bench.files.settlesInMs, undefined);
});
