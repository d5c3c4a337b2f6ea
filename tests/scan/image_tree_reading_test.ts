import assert from "node:assert/strict";
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
