import assert from "node:assert/strict";
import type { StatusLine } from "../../lib/core/status_line.ts";
import { HashProgress, progressBar } from "../../lib/scan/hash_progress.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { MemoryLogger } from "../support/memory_logger.ts";

const GB = 1e9;

/** Reads a gigabyte a second. */
async function read(seconds: number, totalBytes: number, bar?: StatusLine) {
  const clock = new FakeClock();
  const logger = new MemoryLogger();
  {
    using progress = new HashProgress(totalBytes, {
      clock,
      logger,
      statusLine: bar,
    });
    for (let i = 0; i < seconds * 20; i++) {
      await clock.advance(50);
      progress.add(GB / 20);
    }
  }
  return logger.lines;
}

class MemoryStatusLine implements StatusLine {
  readonly columns = 80;
  readonly shown: string[] = [];
  show(text: string): void {
    this.shown.push(text);
  }
  clear(): void {
    this.shown.push("");
  }
}

Deno.test("HashProgress says nothing of what is quick", async () => {
  assert.deepEqual(await read(4, 4 * GB), []);
});

Deno.test("HashProgress says after 5 s, and every 30 s, how far it is", async () => {
  assert.deepEqual(await read(70, 100 * GB), [
    "INFO Reading new artifacts: 5 % of 100.0 GB",
    "INFO Reading new artifacts: 35 % of 100.0 GB",
    "INFO Reading new artifacts: 65 % of 100.0 GB",
  ]);
});

Deno.test("HashProgress shows a bar on a terminal, logs nothing, and takes it away at the end", async () => {
  const line = new MemoryStatusLine();
  assert.deepEqual(await read(2, 2 * GB, line), []);
  assert.equal(
    line.shown[0],
    "[####...............] Reading new artifacts: 25 % of 2.0 GB, 1.0 GB/s, 2 s left",
  );
  assert.equal(line.shown.at(-1), "");
  assert.equal(line.shown.length, 17);
});

Deno.test("progressBar() fits the terminal, also one that is too narrow, and never exceeds 100 %", () => {
  const progress = { doneBytes: 3 * GB, totalBytes: 2 * GB, elapsedMs: 1000 };
  for (const columns of [200, 100, 80, 70, 40, 10, 1, 0]) {
    const bar = progressBar(progress, columns);
    assert.ok(bar.length <= Math.max(0, columns - 1), `${columns}: ${bar}`);
  }
  assert.match(progressBar(progress, 100), /^\[#+\] .* 100 % .* 0 s left$/);
});
