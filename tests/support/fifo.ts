import assert from "node:assert/strict";

/** Makes a FIFO, where the system has any. */
export async function makeFifo(path: string): Promise<void> {
  const { success } = await new Deno.Command("mkfifo", { args: [path] })
    .output();
  assert.ok(success, `cannot make "${path}"`);
}
