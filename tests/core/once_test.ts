import assert from "node:assert/strict";
import { once } from "../../lib/core/once.ts";

Deno.test("once() runs one time for all who ask", async () => {
  let runs = 0;
  const load = once(() => Promise.resolve(++runs));
  assert.deepEqual(await Promise.all([load(), load()]), [1, 1]);
  assert.equal(await load(), 1);
});

Deno.test("once() tries again after a failure, which all who waited get", async () => {
  let runs = 0;
  const load = once(() =>
    ++runs === 1
      ? Promise.reject(new Error("not there yet"))
      : Promise.resolve(runs)
  );
  const [first, second] = await Promise.allSettled([load(), load()]);
  assert.equal(first.status, "rejected");
  assert.equal(second.status, "rejected");
  assert.equal(await load(), 2);
});
