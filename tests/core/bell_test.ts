import assert from "node:assert/strict";
import { Bell } from "../../lib/core/bell.ts";
import { FakeClock } from "../support/fake_clock.ts";

const { signal } = new AbortController();

Deno.test("Bell.wait() ends with a ring, or after its time", async () => {
  const clock = new FakeClock();
  const bell = new Bell();
  const rung = bell.wait(clock, 1000, { signal });
  bell.ring();
  assert.equal(await rung, true);
  assert.equal(clock.pending, 0);
  bell.reset();
  const late = bell.wait(clock, 1000, { signal });
  await clock.advance(1000);
  assert.equal(await late, false);
});

Deno.test("Bell.wait() takes the rings since reset() for one, and loses none", async () => {
  const clock = new FakeClock();
  const bell = new Bell();
  bell.reset();
  bell.ring();
  bell.ring();
  assert.ok(bell.signal.aborted);
  assert.equal(await bell.wait(clock, 1000, { signal }), true);
  bell.reset();
  assert.ok(!bell.signal.aborted);
});

Deno.test("Bell.wait() ends with the signal's reason, leaving no timer", async () => {
  const clock = new FakeClock();
  const stopping = new AbortController();
  const waiting = new Bell().wait(clock, 1000, { signal: stopping.signal });
  stopping.abort(new Error("enough"));
  await assert.rejects(waiting, /enough/);
  assert.equal(clock.pending, 0);
});
