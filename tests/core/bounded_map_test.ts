import assert from "node:assert/strict";
import { BoundedMap } from "../../lib/core/bounded_map.ts";

Deno.test("BoundedMap forgets the key that was set longest ago", () => {
  const map = new BoundedMap<string, number>(2, "forget oldest");
  assert.equal(map.set("a", 1), true);
  assert.equal(map.set("b", 2), true);
  assert.equal(map.set("a", 3), true);
  assert.equal(map.set("c", 4), true);
  assert.deepEqual([...map], [["a", 3], ["c", 4]]);
  assert.equal(map.get("b"), undefined);
});

Deno.test("BoundedMap forgets several when its bound has shrunk", () => {
  let most = 3;
  const map = new BoundedMap<string, number>(() => most, "forget oldest");
  for (const [i, key] of ["a", "b", "c"].entries()) map.set(key, i);
  most = 2;
  map.set("d", 3);
  assert.deepEqual([...map], [["c", 2], ["d", 3]]);
});

Deno.test("BoundedMap refuses a new key when full, and takes a known one", () => {
  const map = new BoundedMap<string, number>(1, "refuse");
  assert.equal(map.set("a", 1), true);
  assert.equal(map.set("b", 2), false);
  assert.equal(map.set("a", 3), true);
  assert.deepEqual([...map], [["a", 3]]);
  assert.equal(map.delete("a"), true);
  assert.equal(map.delete("a"), false);
  assert.equal(map.set("b", 2), true);
  assert.deepEqual([[...map], [...map.values()]], [[["b", 2]], [2]]);
  assert.deepEqual([map.size, map.has("a"), map.has("b")], [1, false, true]);
});
