import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { KERNEL, SETTINGS, TreeBench } from "../support/tree_bench.ts";

const { signal } = new AbortController();

Deno.test("ImageTree does not list directories again after it has read what lay there", async () => {
  const bench = new TreeBench();
  bench.fs.file(KERNEL);
  await bench.look();
  const tree = await bench.tree();
  await tree.hashPending({ signal });
  const before = bench.fs.calls.length;
  const { hashed } = await tree.look(SETTINGS, { at: "changes", signal });
  assert.equal(hashed.length, 1);
  const looked = bench.fs.calls.slice(before);
  assert.ok(!looked.includes("/srv/stable/arm64"), looked.join());
});

Deno.test("ImageTree lists a directory again in which a file changed while it was read", async () => {
  const bench = new TreeBench();
  bench.fs.file(KERNEL);
  await bench.look();
  const tree = await bench.tree();
  bench.fs.file(KERNEL, "another");
  await tree.hashPending({ signal });
  await bench.clock.advance(60_000);
  await tree.look(SETTINGS, { at: "changes", signal });
  await tree.hashPending({ signal });
  const { hashed } = await tree.look(SETTINGS, { at: "changes", signal });
  assert.equal(hashed[0]?.kernel.info.sizeBytes, "another".length);
});

Deno.test("ImageTree goes on offering an image of which a file is removed before it could be read", async () => {
  const bench = new TreeBench();
  const { fs } = bench;
  const initramfs = "/srv/stable/arm64/initramfs.img";
  const rootfs = "/srv/stable/arm64/rootfs.img";
  fs.file(KERNEL);
  await bench.settle();
  fs.file(KERNEL, "another").file(initramfs).file(rootfs);
  await bench.look();
  fs.remove(initramfs);
  const tree = await bench.tree();
  await tree.hashPending({ signal });
  assert.deepEqual(await bench.look(), ["stable/arm64"]);
  await tree.hashPending({ signal });
  const { hashed } = await tree.look(SETTINGS, { at: "changes", signal });
  assert.equal(hashed[0]?.kernel.info.sizeBytes, "another".length, "at once");
});

Deno.test("ImageTree reads small images side by side, and large ones by themselves", async () => {
  for (const [sizeBytes, together] of [[1000, 4], [2 << 20, 1]] as const) {
    const bench = new TreeBench();
    for (let i = 0; i < 4; i++) {
      bench.fs.file(`/srv/c${i}/arm64/vmlinuz`, new Uint8Array(sizeBytes));
    }
    await bench.look();
    const tree = await bench.tree();
    const gate = Promise.withResolvers<void>();
    bench.fs.reads = gate.promise;
    const reading = tree.hashPending({ signal });
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(bench.fs.openCount, together);
    gate.resolve();
    await reading;
    assert.equal((await bench.look()).length, 4);
  }
});

Deno.test("ImageTree offers a set that image.toml names until the next one is read, where that file is replaced last", async () => {
  const bench = new TreeBench();
  const { fs } = bench;
  const directory = "/srv/stable/arm64";
  const name = async (kernel: string, checksums: string) => {
    const content = `kernel = "${kernel}"\nchecksums = "${checksums}"\n`;
    fs.file(`${directory}/next.part`, content);
    await fs.rename(`${directory}/next.part`, `${directory}/image.toml`);
  };
  const add = (kernel: string, content: string, checksums: string) => {
    const hex = createHash("sha256").update(content).digest("hex");
    fs.file(`${directory}/${kernel}`, content);
    fs.file(`${directory}/${checksums}`, `${hex}  ${kernel}\n`);
  };
  add("one.bin", "one", "SUMS.one");
  await name("one.bin", "SUMS.one");
  await bench.settle();
  const [old] = await bench.digests();
  assert.ok(old !== undefined);
  add("two.bin", "two", "SUMS.two");
  assert.deepEqual(await bench.digests(), [old]);
  await name("two.bin", "SUMS.two");
  assert.deepEqual(await bench.digests(), [old]);
  fs.remove(`${directory}/one.bin`).remove(`${directory}/SUMS.one`);
  assert.deepEqual(await bench.digests(), [old]);
  await bench.settle();
  const [next, ...others] = await bench.digests();
  assert.notEqual(next, old);
  assert.equal(others.length, 0);
});
