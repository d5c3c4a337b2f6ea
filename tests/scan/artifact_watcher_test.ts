import assert from "node:assert/strict";
import { ArtifactWatcher } from "../../lib/scan/artifact_watcher.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { MemoryFileSystem } from "../support/memory_file_system.ts";
import { MemoryLogger } from "../support/memory_logger.ts";

const SETTINGS = { artifactsDir: "/srv" };
const { signal } = new AbortController();
const KERNEL = "/srv/stable/arm64/vmlinuz";

/** A watcher that counts, and notes who writes. */
function open(fileSystem: MemoryFileSystem) {
  const logger = new MemoryLogger();
  const clock = new FakeClock();
  const heard = { changes: 0, writers: [] as string[] };
  const watcher = new ArtifactWatcher({
    fileSystem,
    clock,
    logger,
    onChange: () => heard.changes++,
    onWriter: (path, writer) => heard.writers.push(`${writer} ${path}`),
  });
  return { watcher, heard, clock, lines: logger.lines };
}

Deno.test("ArtifactWatcher tells of a copy when it begins and when it ends, not of what is between", async () => {
  const fs = new MemoryFileSystem().directory("/srv/stable/arm64");
  const { watcher, heard } = open(fs);
  await watcher.update(SETTINGS, { signal });
  assert.ok(watcher.isWatching);
  fs.file(KERNEL, "");
  for (let i = 0; i < 100; i++) fs.overwrite(KERNEL, "x", "2026-11-22");
  assert.equal(heard.changes, 1);
  fs.close(KERNEL);
  assert.equal(heard.changes, 2);
  assert.deepEqual(heard.writers, [`writing ${KERNEL}`, `closed ${KERNEL}`]);
  fs.overwrite(KERNEL, "other", "2026-11-22");
  fs.remove(KERNEL);
  assert.equal(heard.changes, 4);
});

Deno.test("ArtifactWatcher.update() watches a root anew that was replaced, and leaves the others alone", async () => {
  const fs = new MemoryFileSystem().directory("/srv").directory("/other");
  const { watcher, heard } = open(fs);
  const settings = {
    artifactsDir: "/srv",
    channelSettings: new Map([["beta", { artifactsDir: "/other" }]]),
  };
  await watcher.update(settings, { signal });
  await watcher.update(settings, { signal });
  assert.equal(fs.watchCount, 2);
  fs.remove("/srv").directory("/srv");
  await watcher.update(settings, { signal });
  assert.equal(fs.watchCount, 2);
  const before = heard.changes;
  fs.file(KERNEL);
  assert.ok(heard.changes > before);
  await watcher.update({ artifactsDir: "/srv" }, { signal });
  assert.equal(fs.watchCount, 1);
});

Deno.test("ArtifactWatcher.update() goes on without a root that is missing, and takes it when it comes", async () => {
  const fs = new MemoryFileSystem();
  const { watcher, lines } = open(fs);
  await watcher.update(SETTINGS, { signal });
  assert.ok(!watcher.isWatching);
  fs.directory("/srv");
  await watcher.update(SETTINGS, { signal });
  assert.ok(watcher.isWatching);
  assert.deepEqual(lines, []);
});

Deno.test("ArtifactWatcher says once that the system has no watches left, and uses them when it has", async () => {
  const fs = new MemoryFileSystem().directory("/srv");
  fs.watchTrouble = "OS file watch limit reached";
  const { watcher, lines } = open(fs);
  await watcher.update(SETTINGS, { signal });
  await watcher.update(SETTINGS, { signal });
  assert.ok(!watcher.isWatching);
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? "", /^WARN .*watch limit.*every few seconds/);
  fs.watchTrouble = undefined;
  await watcher.update(SETTINGS, { signal });
  assert.ok(watcher.isWatching);
  fs.breakWatches("OS file watch limit reached");
  assert.ok(!watcher.isWatching);
  assert.equal(lines.length, 2);
  await watcher.update(SETTINGS, { signal });
  assert.ok(watcher.isWatching);
});

Deno.test("ArtifactWatcher watches only what the settings look into", async () => {
  const fs = new MemoryFileSystem().directory("/srv").directory("/other");
  const { watcher } = open(fs);
  await watcher.update({
    artifactsDir: "/missing",
    channels: ["beta"],
    channelSettings: new Map([
      ["beta", { artifactsDir: "/other" }],
      ["gamma", { artifactsDir: "/srv" }],
    ]),
  }, { signal });
  assert.ok(watcher.isWatching);
  assert.equal(fs.watchCount, 1);
  watcher[Symbol.dispose]();
  assert.equal(fs.watchCount, 0);
});

Deno.test("ArtifactWatcher takes what is moved into place for written, unless its writer has it open", async () => {
  const fs = new MemoryFileSystem().directory("/srv/stable/arm64");
  const { watcher, heard } = open(fs);
  await watcher.update(SETTINGS, { signal });
  fs.file(`${KERNEL}.part`, "").close(`${KERNEL}.part`);
  await fs.rename(`${KERNEL}.part`, KERNEL);
  assert.equal(heard.writers.at(-1), `closed ${KERNEL}`);
  fs.file(`${KERNEL}.part`, "");
  await fs.rename(`${KERNEL}.part`, KERNEL);
  assert.equal(heard.writers.at(-1), `writing ${KERNEL}`);
  fs.close(KERNEL);
  assert.equal(heard.writers.at(-1), `closed ${KERNEL}`);
});

Deno.test("ArtifactWatcher.update() begins anew with watches that are held up, and says that news may be missed", async () => {
  const fs = new MemoryFileSystem().directory("/srv/stable/arm64");
  const { watcher, heard, clock, lines } = open(fs);
  await watcher.update(SETTINGS, { signal });
  assert.equal(await watcher.update(SETTINGS, { signal }), false);
  fs.holdUpWatches();
  const updating = watcher.update(SETTINGS, { signal });
  await clock.advance(2000);
  assert.equal(await updating, true);
  assert.ok(watcher.isWatching);
  assert.equal(fs.watchCount, 1);
  assert.equal(clock.pending, 0);
  fs.file(KERNEL);
  assert.ok(heard.changes > 0);
  assert.deepEqual(lines, []);
});

Deno.test("ArtifactWatcher.update() does not wait for a watcher when it is told to end", async () => {
  const fs = new MemoryFileSystem().directory("/srv");
  const { watcher, clock } = open(fs);
  await watcher.update(SETTINGS, { signal });
  fs.holdUpWatches();
  const stopping = new AbortController();
  const updating = watcher.update(SETTINGS, stopping);
  stopping.abort(new Error("ended"));
  await assert.rejects(updating, /ended/);
  assert.equal(clock.pending, 0);
});

Deno.test("ArtifactWatcher.update() goes on while a large tree is gone through, and hears of it later", async () => {
  const fs = new MemoryFileSystem().directory("/srv");
  const release = fs.delayWatches();
  const { watcher, clock } = open(fs);
  const updating = watcher.update(SETTINGS, { signal });
  await clock.advance(2000);
  await updating;
  assert.ok(!watcher.isWatching);
  release();
  assert.equal(await watcher.update(SETTINGS, { signal }), true);
  assert.ok(watcher.isWatching);
});

Deno.test("ArtifactWatcher.begin() leaves it to update() to wait until it is heard", async () => {
  const fs = new MemoryFileSystem().directory("/srv");
  const release = fs.delayWatches();
  const { watcher } = open(fs);
  await watcher.begin(SETTINGS);
  assert.equal(fs.watchCount, 1);
  assert.ok(!watcher.isWatching);
  release();
  assert.equal(await watcher.update(SETTINGS, { signal }), true);
  assert.ok(watcher.isWatching);
  assert.equal(fs.watchCount, 1);
});

Deno.test("ArtifactWatcher.begin() leaves it to update() to say what cannot be watched", async () => {
  const fs = new MemoryFileSystem().directory("/srv");
  fs.watchTrouble = "no watches left";
  const { watcher, lines } = open(fs);
  await watcher.begin(SETTINGS);
  assert.deepEqual(lines, []);
  await watcher.update(SETTINGS, { signal });
  assert.equal(lines.length, 1);
});
