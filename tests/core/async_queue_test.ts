import assert from "node:assert/strict";
import { AsyncQueue } from "../../lib/core/async_queue.ts";

Deno.test("AsyncQueue hands over what comes while its reader waits", async () => {
  const queue = new AsyncQueue<number>();
  const read = Array.fromAsync(queue);
  for (let i = 0; i < 3; i++) {
    await Promise.resolve();
    queue.push(i);
  }
  queue.close();
  assert.deepEqual(await read, [0, 1, 2]);
});

Deno.test("AsyncQueue keeps the order when values come while one is read", async () => {
  const queue = new AsyncQueue<number>();
  queue.push(0);
  const seen: number[] = [];
  for await (const value of queue) {
    seen.push(value);
    if (value < 3) queue.push(value + 1);
    else queue.close();
  }
  assert.deepEqual(seen, [0, 1, 2, 3]);
});

Deno.test("AsyncQueue drops what comes after its end", async () => {
  const queue = new AsyncQueue<number>();
  queue.push(1);
  queue.close();
  queue.push(2);
  assert.deepEqual(await Array.fromAsync(queue), [1]);
});
