import assert from "node:assert/strict";
import { deadline, sleep, systemClock } from "../../lib/core/clock.ts";
import { FakeClock } from "../support/fake_clock.ts";

const { signal } = new AbortController();

Deno.test("sleep() ends when its time has come, not before", async () => {
  const clock = new FakeClock();
  let done = false;
  const sleeping = sleep(clock, 1000, { signal }).then(() => done = true);
  await clock.advance(999);
  assert.equal(done, false);
  await clock.advance(1);
  assert.equal(done, true);
  await sleeping;
});

Deno.test("sleep() ends early when it is aborted, and leaves no timer", async () => {
  const clock = new FakeClock();
  const controller = new AbortController();
  const sleeping = sleep(clock, 1000, { signal: controller.signal });
  controller.abort(new Error("enough"));
  await assert.rejects(sleeping, /enough/);
  assert.equal(clock.pending, 0);
  await assert.rejects(
    sleep(clock, 1, { signal: controller.signal }),
    /enough/,
  );
});

Deno.test("deadline() aborts with TimeoutError when time is up", async () => {
  const clock = new FakeClock();
  using limit = deadline(clock, 500, { signal });
  await clock.advance(500);
  assert.equal(limit.signal.reason.name, "TimeoutError");
});

Deno.test("deadline() passes its parent's abort on, and stops its timer when disposed of", () => {
  const clock = new FakeClock();
  const parent = new AbortController();
  {
    using limit = deadline(clock, 500, parent);
    parent.abort(new Error("enough"));
    assert.match(limit.signal.reason.message, /enough/);
  }
  assert.equal(clock.pending, 0);
  using late = deadline(clock, 500, parent);
  assert.equal(late.signal.aborted, true);
});

Deno.test("systemClock lets time pass", async () => {
  const before = systemClock.monotonic();
  await sleep(systemClock, 5, { signal });
  assert.ok(systemClock.monotonic() > before);
  assert.ok(Math.abs(systemClock.now() - Date.now()) < 1000);
});
