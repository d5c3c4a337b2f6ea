import assert from "node:assert/strict";
import { mapParallel } from "../../lib/core/map_parallel.ts";

Deno.test("mapParallel() keeps the order, and runs no more than 16 at a time", async () => {
  const items = Array.from({ length: 100 }, (_, i) => i);
  let [running, most] = [0, 0];
  const results = await mapParallel(items, async (item) => {
    most = Math.max(most, ++running);
    // The first take longest.
    for (let turns = item % 16; turns < 16; turns++) await Promise.resolve();
    running--;
    return item * 2;
  });
  assert.deepEqual(results, items.map((item) => item * 2));
  assert.equal(most, 16);
});

Deno.test("mapParallel() fails with the first that fails", async () => {
  await assert.rejects(
    mapParallel(
      [1, 2, 3],
      (item) =>
        item === 2
          ? Promise.reject(new Error("no second"))
          : Promise.resolve(item),
    ),
    /no second/,
  );
});

Deno.test("mapParallel() of nothing is nothing", async () => {
  assert.deepEqual(await mapParallel([], assert.fail), []);
});
