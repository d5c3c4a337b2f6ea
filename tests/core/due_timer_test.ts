import assert from "node:assert/strict";
import { DueTimer } from "../../lib/core/due_timer.ts";
import { FakeClock } from "../support/fake_clock.ts";

Deno.test("DueTimer fires once, at the time that was set last", async () => {
  const clock = new FakeClock();
  const firedMs: number[] = [];
  const timer = new DueTimer(clock, () => firedMs.push(clock.monotonic()));
  timer.set(100);
  timer.set(300);
  timer.set(200);
  await clock.advance(1000);
  assert.deepEqual(firedMs, [200]);
  timer.set(1500);
  await clock.advance(1000);
  assert.deepEqual(firedMs, [200, 1500]);
});

Deno.test("DueTimer fires at once for a time that has passed", async () => {
  const clock = new FakeClock();
  await clock.advance(50);
  let fired = 0;
  new DueTimer(clock, () => fired++).set(10);
  await clock.advance(0);
  assert.equal(fired, 1);
});

Deno.test("DueTimer leaves no timer behind where nothing is due", () => {
  const clock = new FakeClock();
  const timer = new DueTimer(clock, () => {});
  timer.set(100);
  assert.equal(clock.pending, 1);
  timer.set(Infinity);
  assert.equal(clock.pending, 0);
});
