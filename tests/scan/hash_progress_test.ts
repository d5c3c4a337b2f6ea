import assert from "node:assert/strict";
import { reportProgress } from "../../lib/scan/hash_progress.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { MemoryLogger } from "../support/memory_logger.ts";

Deno.test("reportProgress() says nothing of what is quick", async () => {
  const clock = new FakeClock();
  const logger = new MemoryLogger();
  const progress = reportProgress(4e9, { clock, logger });
  for (let i = 0; i < 4; i++) {
    await clock.advance(1000);
    progress(1e9);
  }
  assert.deepEqual(logger.lines, []);
});

Deno.test("reportProgress() says after 5 s, and every 30 s, how far it is", async () => {
  const clock = new FakeClock();
  const logger = new MemoryLogger();
  const progress = reportProgress(100e9, { clock, logger });
  for (let i = 0; i < 70; i++) {
    await clock.advance(1000);
    progress(1e9);
  }
  assert.deepEqual(logger.lines, [
    "INFO Reading new artifacts: 5 % of 100.0 GB",
    "INFO Reading new artifacts: 35 % of 100.0 GB",
    "INFO Reading new artifacts: 65 % of 100.0 GB",
  ]);
});
