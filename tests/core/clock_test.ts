import assert from "node:assert/strict";
import {
  deadline,
  inTime,
  remembered,
  sleep,
  sleepInSteps,
  systemClock,
} from "../../lib/core/clock.ts";
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

Deno.test("sleepInSteps() takes as long as sleep() where nothing else is to be done", async () => {
  for (const delayMs of [0, 1, 12, 150]) {
    const clock = new FakeClock();
    let endedMs = NaN;
    const sleeping = sleepInSteps(clock, delayMs, { signal })
      .then(() => endedMs = clock.monotonic());
    await clock.advance(1000);
    await sleeping;
    assert.equal(endedMs, delayMs);
  }
});

Deno.test("sleepInSteps() counts a step that takes long as one", async () => {
  const clock = new FakeClock();
  let done = false;
  const sleeping = sleepInSteps(clock, 100, { signal })
    .then(() => done = true);
  for (let step = 0; step < 10; step++) {
    clock.stall(500);
    await clock.advance(0);
  }
  await clock.advance(49);
  assert.equal(done, false);
  await clock.advance(1);
  assert.equal(done, true);
  await sleeping;
});

Deno.test("sleepInSteps() ends when it is not needed any more, or aborted, and leaves no timer", async () => {
  const clock = new FakeClock();
  const controller = new AbortController();
  let isNeeded = true;
  const options = { signal: controller.signal, isNeeded: () => isNeeded };
  let done = false;
  const first = sleepInSteps(clock, 1000, options).then(() => done = true);
  await clock.advance(12);
  isNeeded = false;
  assert.equal(done, false);
  await clock.advance(5);
  assert.equal(done, true);
  await first;
  isNeeded = true;
  const second = sleepInSteps(clock, 1000, options);
  controller.abort(new Error("enough"));
  await assert.rejects(second, /enough/);
  assert.equal(clock.pending, 0);
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

Deno.test("remembered() makes a value anew once its time is over", async () => {
  const clock = new FakeClock();
  let made = 0;
  const value = remembered(clock, 1000, () => ++made);
  assert.equal(made, 0);
  assert.deepEqual([value(), value()], [1, 1]);
  await clock.advance(999);
  assert.equal(value(), 1);
  await clock.advance(1);
  assert.deepEqual([value(), value()], [2, 2]);
});

Deno.test("inTime() gives what work comes to, unless it takes too long", async () => {
  const clock = new FakeClock();
  assert.equal(await inTime(clock, 1000, Promise.resolve(7)), 7);
  await assert.rejects(
    inTime(clock, 1000, Promise.reject(new Error("broken"))),
    /broken/,
  );
  assert.equal(clock.pending, 0);
  const late = inTime(clock, 1000, new Promise<number>(() => {}));
  await clock.advance(1000);
  assert.equal(await late, undefined);
});
