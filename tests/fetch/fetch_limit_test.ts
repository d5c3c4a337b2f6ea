import assert from "node:assert/strict";
import type { FetchEvent } from "../../lib/fetch/fetch_image.ts";
import { FetchLimit } from "../../lib/fetch/fetch_limit.ts";
import { FakeClock } from "../support/fake_clock.ts";

const progress: FetchEvent = {
  ...{ kind: "progress", path: "vmlinuz", bytes: 1, sizeBytes: 2 },
};

Deno.test("FetchLimit ends at the time that was named, whatever comes", async () => {
  const clock = new FakeClock();
  await clock.advance(1000);
  using limit = new FetchLimit(clock, 31_000);
  await clock.advance(29_999);
  limit.receive(progress);
  assert.ok(!limit.signal.aborted);
  await clock.advance(1);
  assert.equal(limit.signal.reason.name, "TimeoutError");
});

Deno.test("FetchLimit ends, where no time was named, when nothing has come for a minute", async () => {
  const clock = new FakeClock();
  using limit = new FetchLimit(clock, undefined);
  for (let minute = 0; minute < 100; minute++) {
    await clock.advance(59_999);
    limit.receive(progress);
  }
  limit.receive({ kind: "source-failed", source: "a", reason: "gone" });
  await clock.advance(59_999);
  assert.ok(!limit.signal.aborted);
  await clock.advance(1);
  assert.ok(limit.signal.aborted);
});

Deno.test("FetchLimit waits for a source that said when it is to be asked again", async () => {
  const clock = new FakeClock();
  using limit = new FetchLimit(clock, undefined);
  const waits = { kind: "source-waits", source: "a", reason: "503" } as const;
  limit.receive({ ...waits, delayMs: 120_000 });
  // Another that comes back sooner takes nothing from that.
  limit.receive({ ...waits, source: "b", delayMs: 1000 });
  await clock.advance(179_999);
  assert.ok(!limit.signal.aborted);
  await clock.advance(1);
  assert.ok(limit.signal.aborted);
});

Deno.test("FetchLimit leaves no timer behind", () => {
  const clock = new FakeClock();
  new FetchLimit(clock, undefined)[Symbol.dispose]();
  assert.equal(clock.pending, 0);
});
