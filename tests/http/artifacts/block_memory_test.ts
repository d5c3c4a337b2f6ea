import assert from "node:assert/strict";
import { BlockMemory } from "../../../lib/http/artifacts/block_memory.ts";

/** Whether the memory of a buffer was freed. */
function isFreed({ buffer }: Uint8Array<ArrayBuffer>): boolean {
  return buffer.detached;
}

function take(memory: BlockMemory, sizeBytes: number): Uint8Array<ArrayBuffer> {
  return memory.take(sizeBytes) ?? assert.fail("there is no room");
}

Deno.test("BlockMemory gives out again what came back last", () => {
  const memory = new BlockMemory({ maxBytes: 1000 });
  const [first, second] = [take(memory, 100), take(memory, 100)];
  memory.giveBack(first);
  memory.giveBack(second);
  assert.equal(memory.take(100), second);
  assert.equal(memory.take(100), first);
});

Deno.test("BlockMemory has no more room than it was given", () => {
  const memory = new BlockMemory({ maxBytes: 250 });
  const [first] = [take(memory, 100), take(memory, 100)];
  assert.equal(memory.take(100), undefined);
  assert.equal(take(memory, 50).length, 50);
  memory.giveBack(first);
  assert.equal(memory.take(100), first);
});

Deno.test("BlockMemory frees what came back first to make room for another size", () => {
  const memory = new BlockMemory({ maxBytes: 250 });
  const [first, second] = [take(memory, 100), take(memory, 100)];
  memory.giveBack(first);
  memory.giveBack(second);
  assert.equal(take(memory, 150).length, 150);
  assert.deepEqual([first, second].map(isFreed), [true, false]);
  assert.equal(memory.take(100), second);
});

Deno.test("BlockMemory frees what is beyond its room when it comes back", () => {
  const memory = new BlockMemory({ maxBytes: 250 });
  const [first, beyond] = [take(memory, 200), memory.takeAnyway(100)];
  memory.giveBack(beyond);
  assert.equal(isFreed(beyond), true);
  memory.giveBack(first);
  assert.equal(memory.take(200), first);
});

Deno.test("BlockMemory frees what nobody has when it is told to", () => {
  const memory = new BlockMemory({ maxBytes: 1000 });
  const [used, spare] = [take(memory, 100), take(memory, 100)];
  memory.giveBack(spare);
  memory.freeSpare();
  assert.deepEqual([used, spare].map(isFreed), [false, true]);
  assert.equal(take(memory, 900).length, 900);
});
