import assert from "node:assert/strict";
import { whenAborted } from "../../lib/core/abort.ts";
import { inBackground } from "../../lib/core/background.ts";
import { MemoryLogger } from "../support/memory_logger.ts";

Deno.test("inBackground() goes on until it is disposed of, which waits for its end", async () => {
  const logger = new MemoryLogger();
  const steps: string[] = [];
  {
    await using _work = inBackground(async ({ signal }) => {
      await whenAborted(signal);
      await Promise.resolve();
      steps.push("ended");
      signal.throwIfAborted();
    }, { logger });
    await Promise.resolve();
    assert.deepEqual(steps, []);
  }
  assert.deepEqual(steps, ["ended"]);
  assert.deepEqual(logger.lines, []);
});

Deno.test("inBackground() warns of a failure, and fails nobody else", async () => {
  const logger = new MemoryLogger();
  {
    await using _work = inBackground(
      () => Promise.reject(new Error("no route")),
      { logger },
    );
    await Promise.resolve();
    await Promise.resolve();
  }
  assert.deepEqual(logger.lines, ["WARN no route"]);
});
