import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  CLOSED_QUIET_MS,
  QUIET_MS,
  WRITING_QUIET_MS,
} from "../../lib/scan/settling.ts";
import { KERNEL, SETTINGS, TreeBench } from "../support/tree_bench.ts";

const { signal } = new AbortController();
const ROOTFS = "/srv/stable/arm64/rootfs.img";

Deno.test("ImageTree.look() reads no artifact, and shows an image once it is hashed", async () => {
  const bench = new TreeBench();
  bench.fs.file(KERNEL);
  assert.deepEqual(await bench.look(), []);
  assert.deepEqual(bench.fs.read, []);
  const tree = await bench.tree();
  assert.ok(tree.hasPending);
  await tree.hashPending({ signal });
  assert.deepEqual(await bench.look(), ["stable/arm64"]);
  assert.ok(!tree.hasPending);
});

Deno.test("ImageTree never hashes a kernel that is copied for 30 s with a pause of 5 s before its end", async () => {
  const bench = new TreeBench();
  const { fs, clock } = bench;
  fs.file(KERNEL, "", { modified: bench.now() });
  const tree = await bench.tree();
  tree.noteWriter(KERNEL, "writing");
  for (let second = 0; second < 30; second++) {
    const isPause = second >= 12 && second < 17;
    if (!isPause) fs.overwrite(KERNEL, "x".repeat(second + 1), bench.now());
    for (let step = 0; step < 4; step++) {
      await clock.advance(250);
      assert.deepEqual(await bench.settle(), []);
    }
  }
  assert.deepEqual(fs.read, [], "not a byte was read");
  tree.noteWriter(KERNEL, "closed");
  await bench.look();
  await clock.advance(tree.lookAgainInMs ?? 0);
  assert.deepEqual(await bench.settle(), ["stable/arm64"]);
});

Deno.test("ImageTree never hashes such a kernel where the disk tells no events either", async () => {
  const bench = new TreeBench();
  const { fs, clock } = bench;
  for (let second = 0; second < 30; second++) {
    const isPause = second >= 12 && second < 17;
    const content = "x".repeat(second + 1);
    if (second === 0) fs.file(KERNEL, content, { modified: bench.now() });
    else if (!isPause) fs.overwrite(KERNEL, content, bench.now());
    await clock.advance(1000);
    assert.deepEqual(await bench.settle(), []);
  }
  await clock.advance(WRITING_QUIET_MS);
  assert.deepEqual(await bench.settle(), ["stable/arm64"]);
});

Deno.test("ImageTree.look() keeps an image while a further file is copied into it", async () => {
  const bench = new TreeBench();
  const { fs, clock } = bench;
  fs.file(KERNEL);
  await bench.settle();
  fs.file(ROOTFS, "half", { modified: bench.now() });
  assert.deepEqual(await bench.settle(), ["stable/arm64"]);
  await clock.advance((await bench.tree()).lookAgainInMs ?? 0);
  assert.deepEqual(await bench.settle(), ["stable/arm64+rootfs"]);
});

Deno.test("ImageTree.look() keeps an image while its kernel is overwritten, until the new one is hashed", async () => {
  const bench = new TreeBench();
  const { fs, clock } = bench;
  fs.file(KERNEL, "old");
  await bench.settle();
  const [before] = await bench.digests();
  for (let i = 0; i < 3; i++) {
    fs.overwrite(KERNEL, "x".repeat(i), bench.now());
    assert.deepEqual(await bench.settle(), ["stable/arm64"]);
    assert.deepEqual(await bench.digests(), [before]);
    await clock.advance(1000);
  }
  await clock.advance(60_000);
  await bench.settle();
  assert.notDeepEqual(await bench.digests(), [before]);
});

Deno.test("ImageTree.look() gives an image up that has no kernel for a quarter of a second", async () => {
  const bench = new TreeBench();
  const { fs, clock } = bench;
  fs.file(KERNEL, "kernel").file("/srv/testing/arm64/vmlinuz");
  await bench.settle();
  fs.remove("/srv/testing");
  assert.deepEqual(await bench.look(), ["stable/arm64", "testing/arm64"]);
  const tree = await bench.tree();
  assert.equal(tree.lookAgainInMs, 250);
  await clock.advance(250);
  assert.deepEqual(await bench.look(), ["stable/arm64"]);

  fs.remove("/srv/stable/arm64");
  assert.deepEqual(await bench.look(), ["stable/arm64"]);
  await clock.advance(200);
  fs.file(KERNEL, "kernel");
  await clock.advance(250);
  assert.deepEqual(await bench.look(), ["stable/arm64"]);
});

Deno.test("ImageTree looks again at nothing but what was noted, what is not whole, and what lies behind links", async () => {
  const bench = new TreeBench();
  const { fs, clock } = bench;
  for (let i = 0; i < 300; i++) fs.file(`/srv/many-${i}/arm64/vmlinuz`);
  fs.file("/srv/linked/arm64/initrd.img")
    .link("/srv/linked/arm64/vmlinuz", "../../pool/vmlinuz")
    .file("/srv/pool/vmlinuz", "pool");
  await bench.settle();
  const tree = await bench.tree();
  const callsOf = async (paths: string[]) => {
    fs.calls.length = 0;
    if (paths.length > 0) tree.noteChange(paths);
    await tree.look(SETTINGS, { at: "changes", signal });
    return [
      ...new Set(
        fs.calls.flatMap((path) => /^\/srv\/([^/]+)/.exec(path)?.[1] ?? []),
      ),
    ];
  };
  assert.deepEqual(await callsOf([]), []);
  fs.overwrite("/srv/many-7/arm64/vmlinuz", "new", bench.now());
  assert.deepEqual(await callsOf(["/srv/many-7/arm64/vmlinuz"]), ["many-7"]);
  await clock.advance(1000);
  assert.deepEqual(await callsOf([]), ["many-7"], "not whole yet");
  await clock.advance(60_000);
  await tree.look(SETTINGS, { at: "changes", signal });
  await tree.hashPending({ signal });
  await tree.look(SETTINGS, { at: "changes", signal });
  assert.deepEqual(await callsOf([]), []);
  const pool = await callsOf(["/srv/pool/vmlinuz"]);
  assert.deepEqual(pool.sort(), ["linked", "pool"]);
  await clock.advance(1000);
  await callsOf([]);
  const all = await callsOf(["/srv"]);
  assert.equal(all.length, 304, "with the default channels' places");
});

Deno.test("ImageTree reads and writes as much for a change among a thousand images as among ten", async () => {
  const costs: number[] = [];
  for (const count of [10, 1000]) {
    const bench = new TreeBench();
    const { fs, clock } = bench;
    for (let i = 0; i < count; i++) fs.file(`/srv/many-${i}/arm64/vmlinuz`);
    await bench.settle();
    const tree = await bench.tree();
    await tree.save();
    const appended: number[] = [];
    const append = fs.append.bind(fs);
    fs.append = (path, bytes) => {
      appended.push(bytes.length);
      return append(path, bytes);
    };
    fs.file("/srv/many-7/arm64/vmlinuz", "new", { modified: bench.now() });
    tree.noteChange(["/srv/many-7/arm64/vmlinuz"]);
    fs.calls.length = 0;
    await tree.look(SETTINGS, { at: "changes", signal });
    await clock.advance(WRITING_QUIET_MS);
    await tree.look(SETTINGS, { at: "changes", signal });
    await tree.hashPending({ signal });
    await tree.look(SETTINGS, { at: "changes", signal });
    costs.push(fs.calls.length);
    await tree.save();
    if (count === 1000) assert.ok((appended[0] ?? Infinity) < 500);
  }
  assert.equal(costs[1], costs[0]);
});

Deno.test("ImageTree.look() gives the same object as long as nothing is new, also where it was looked at", async () => {
  const bench = new TreeBench();
  const { fs } = bench;
  for (let i = 0; i < 3; i++) fs.file(`/srv/many-${i}/arm64/vmlinuz`);
  await bench.settle();
  const tree = await bench.tree();
  const look = () => tree.look(SETTINGS, { at: "changes", signal });
  const first = await look();
  assert.equal(await look(), first);
  tree.noteChange(["/srv/many-1/arm64/vmlinuz"]);
  assert.equal(await look(), first, "it was read again, and is the same");
  fs.file("/srv/many-1/arm64/vmlinuz", "new", { modified: bench.now() });
  tree.noteChange(["/srv/many-1/arm64/vmlinuz"]);
  assert.notEqual(await look(), first);
});

Deno.test("ImageTree comes to all of a large tree in turns, also without an event", async () => {
  const bench = new TreeBench();
  const { fs } = bench;
  for (let i = 0; i < 800; i++) fs.file(`/srv/many-${i}/arm64/vmlinuz`);
  await bench.settle();
  const tree = await bench.tree();
  fs.overwrite("/srv/many-799/arm64/vmlinuz", "other", bench.now());
  const looks = [];
  for (let i = 0; i < 2; i++) {
    fs.calls.length = 0;
    await tree.look(SETTINGS, { at: "changes and more", signal });
    looks.push(fs.calls.length);
  }
  assert.ok(tree.isLarge);
  assert.ok(looks.every((calls) => calls < 5000), looks.join());
  assert.ok(tree.lookAgainInMs !== undefined, "it was seen");
});

Deno.test("ImageTree switches as one when a directory is replaced by rename", async () => {
  const bench = new TreeBench();
  const { fs, clock } = bench;
  fs.file(KERNEL).file(ROOTFS);
  await bench.settle();
  fs.file("/srv/stable/.next/vmlinuz", "new kernel");
  await clock.advance(60_000);
  fs.remove("/srv/stable/arm64");
  await fs.rename("/srv/stable/.next", "/srv/stable/arm64");
  assert.deepEqual(await bench.settle(), ["stable/arm64"]);
});

Deno.test("ImageTree.hashPending() goes on after an image that cannot be read, and tries it again later", async () => {
  const bench = new TreeBench();
  const { fs, clock } = bench;
  fs.file(KERNEL).file("/srv/testing/arm64/vmlinuz");
  await bench.look();
  fs.remove(KERNEL);
  const tree = await bench.tree();
  await tree.hashPending({ signal });
  fs.file(KERNEL);
  const { hashed, warnings } = await tree.look(SETTINGS, { signal });
  assert.deepEqual(hashed.map(({ image }) => image.channel), ["testing"]);
  assert.match(warnings.join(), /Cannot offer stable\/arm64/);
  assert.ok(!tree.hasPending, "not at once");
  await clock.advance(tree.lookAgainInMs ?? 0);
  assert.deepEqual(await bench.settle(), ["stable/arm64", "testing/arm64"]);
  const again = await tree.look(SETTINGS, { signal });
  assert.deepEqual(again.warnings, []);
});

Deno.test("ImageTree takes the files of a directory that was moved into place for written", async () => {
  const bench = new TreeBench();
  const tree = await bench.tree();
  bench.fs.file(KERNEL, "x", { modified: bench.now() });
  assert.deepEqual(await bench.settle(), []);
  assert.equal(tree.lookAgainInMs, QUIET_MS);
  tree.noteWriter("/srv/stable", "closed");
  await bench.look();
  assert.equal(tree.lookAgainInMs, CLOSED_QUIET_MS);
  await bench.clock.advance(CLOSED_QUIET_MS);
  assert.deepEqual(await bench.settle(), ["stable/arm64"]);
});

Deno.test("ImageTree keeps an image whose link is set to another directory until that one is hashed", async () => {
  const bench = new TreeBench();
  const { fs } = bench;
  fs.file("/srv/release-1/arm64/vmlinuz", "one")
    .file("/srv/release-2/arm64/vmlinuz", "two")
    .file("/srv/release-2/arm64/rootfs.img", "two")
    .link("/srv/stable", "release-1");
  const wanted = (images: string[]) =>
    images.filter((image) => image.startsWith("stable"));
  assert.deepEqual(wanted(await bench.settle()), ["stable/arm64"]);
  fs.remove("/srv/release-2/arm64/rootfs.img");
  fs.file("/srv/release-2/arm64/rootfs.img", "new", { modified: bench.now() });
  fs.link("/srv/stable", "release-2");
  assert.deepEqual(wanted(await bench.look()), ["stable/arm64"]);
  await bench.clock.advance(QUIET_MS);
  assert.deepEqual(wanted(await bench.settle()), ["stable/arm64+rootfs"]);
});

Deno.test("ImageTree keeps what is still there of an image in whose place is what cannot be read, and says so", async () => {
  const bench = new TreeBench();
  const { fs, clock } = bench;
  fs.file("/srv/release-1/arm64/vmlinuz", "one")
    .link("/srv/stable", "release-1");
  await bench.settle();
  fs.file("/srv/release-2/arm64/vmlinuz", "two")
    .link("/srv/stable", "release-2");
  await bench.look();
  fs.isExhausted = true;
  const tree = await bench.tree();
  await tree.hashPending({ signal });
  fs.isExhausted = false;
  const { hashed, warnings } = await tree.look(SETTINGS, { signal });
  assert.deepEqual(hashed.map(({ image }) => image.channel), [
    "stable",
    "release-1",
  ]);
  assert.match(warnings.join(), /Cannot offer the new stable\/arm64/);
  fs.remove("/srv/release-1");
  await clock.advance(200);
  await bench.look();
  const images = await bench.look();
  assert.ok(!images.includes("stable/arm64"), images.join());
});

Deno.test("ImageTree reads an image again whose content differs although nothing tells of it, and offers it meanwhile", async () => {
  const bench = new TreeBench();
  const { fs } = bench;
  const times = { modified: "2023-11-14T22:13:20Z" };
  fs.kinds.set("/srv", 0x73717368);
  fs.file(KERNEL, "A".repeat(5000), times).file(ROOTFS, "same", times);
  assert.deepEqual(await bench.settle(), ["stable/arm64+rootfs"]);
  const tree = await bench.tree();
  assert.equal(await tree.hasOtherContent(), false);
  fs.overwrite(KERNEL, "B".repeat(5000), times.modified);
  assert.deepEqual(await bench.look(), ["stable/arm64+rootfs"]);
  assert.ok(tree.hasPending);
  fs.read.length = 0;
  await tree.hashPending({ signal });
  assert.deepEqual([...new Set(fs.read)], [KERNEL, ROOTFS]);
  const { hashed } = await tree.look(SETTINGS, { signal });
  assert.equal(
    hashed[0]?.kernel.sha256,
    createHash("sha256").update("B".repeat(5000)).digest("hex"),
  );
});

Deno.test("ImageTree looks again for private keys where another file system lies", async () => {
  const bench = new TreeBench();
  const { fs } = bench;
  const times = { modified: "2023-11-14T22:13:20Z" };
  const key = "-----BEGIN PRIVATE KEY-----\n";
  fs.kinds.set("/srv", 0x73717368);
  fs.file(KERNEL, "kernel A", times)
    .file("/srv/stable/arm64/notes", "x".repeat(key.length), times);
  await bench.settle();
  const names = async () => {
    const tree = await bench.tree();
    const { hashed } = await tree.look(SETTINGS, { signal });
    return hashed[0]?.files.map(({ filename }) => filename);
  };
  assert.deepEqual(await names(), ["notes"]);
  fs.overwrite(KERNEL, "kernel B", times.modified)
    .overwrite("/srv/stable/arm64/notes", key, times.modified);
  await bench.settle();
  assert.deepEqual(await names(), []);
});
