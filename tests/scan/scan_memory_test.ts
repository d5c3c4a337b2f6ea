import assert from "node:assert/strict";
import {
  type ChannelDirectory,
  scanAvailable,
  type ScanResult,
} from "../../lib/scan/scan_available.ts";
import { ScanMemory } from "../../lib/scan/scan_memory.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { MemoryFileSystem } from "../support/memory_file_system.ts";

const { signal } = new AbortController();
const ARM = "/srv/stable/arm64";

/** A memory, and looks at a disk that it takes part in. */
function bench() {
  const fs = new MemoryFileSystem().file(`${ARM}/vmlinuz`, "kernel");
  const clock = new FakeClock();
  const memory = new ScanMemory<ScanResult, ChannelDirectory>({
    clock,
    fileSystem: fs,
  });
  const look = async () => {
    const look = memory.begin();
    const scan = await scanAvailable({ artifactsDir: "/srv" }, fs, {
      look,
      signal,
    });
    look.end();
    return scan.available;
  };
  return { fs, clock, memory, look };
}

Deno.test("ScanMemory gives the same object for an image that was read again and holds the same", async () => {
  const { memory, look } = bench();
  const [first] = await look();
  memory.noteAll();
  const [second] = await look();
  assert.ok(first !== undefined && first === second);
});

Deno.test("ScanMemory.compare() notes a directory that another one has come to lie on, every five seconds", async () => {
  const { fs, clock, memory, look } = bench();
  const [before] = await look();
  assert.equal(await memory.compare(), false);
  // As a mount does, without an event.
  fs.remove(ARM).file(`${ARM}/vmlinuz`, "mounted");
  assert.equal(await memory.compare(), false, "too soon");
  await clock.advance(5000);
  assert.equal(await memory.compare(), true);
  assert.equal(memory.takeRemounted(), true);
  assert.equal(memory.takeRemounted(), false);
  const [after] = await look();
  assert.notEqual(after?.kernel.info.inode, before?.kernel.info.inode);
});

Deno.test("ScanMemory takes a directory that was told of for replaced, not for mounted over", async () => {
  const { fs, clock, memory, look } = bench();
  await look();
  fs.remove(ARM).file(`${ARM}/vmlinuz`, "new");
  memory.note([ARM]);
  await clock.advance(5000);
  await memory.compare();
  await look();
  assert.equal(memory.takeRemounted(), false);
});

Deno.test("ScanMemory knows of file systems that tell nothing", async () => {
  const { fs, memory, look } = bench();
  fs.kinds.set("/srv", 0x6969);
  assert.equal(memory.isSilent, false);
  await look();
  assert.equal(memory.isSilent, true);
});
