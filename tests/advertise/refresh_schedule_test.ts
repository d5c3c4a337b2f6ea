import assert from "node:assert/strict";
import fc from "fast-check";
import { RefreshSchedule } from "../../lib/advertise/refresh_schedule.ts";

const INTERVAL_MS = 1800_000;

Deno.test("RefreshSchedule has what was told at any time told again within a round, and later round by round", () => {
  fc.assert(fc.property(
    fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    fc.integer({ min: 1, max: 10_000 }),
    fc.integer({ min: -INTERVAL_MS, max: 1e10 }),
    (random, place, count, startMs) => {
      const schedule = new RefreshSchedule(INTERVAL_MS, random);
      const { cycleMs } = schedule;
      assert.ok(Math.abs(cycleMs / INTERVAL_MS - 0.925) < 0.025 + 1e-9);
      schedule.nextMs(0, count, startMs);
      let toldMs = startMs + 12_345;
      for (let i = 0; i < 4; i++) {
        const dueMs = schedule.nextMs(place, count, toldMs);
        assert.ok(dueMs > toldMs && dueMs <= toldMs + cycleMs + 2);
        if (i > 0) assert.ok(Math.abs(dueMs - toldMs - cycleMs) < 2);
        toldMs = dueMs;
      }
    },
  ));
});

Deno.test("RefreshSchedule has few images told together, and many in 16 parts by their places", () => {
  const times = (count: number) => {
    const schedule = new RefreshSchedule(INTERVAL_MS, 0.5);
    const due = Array.from(
      { length: count },
      (_, i) => Math.round(schedule.nextMs(i / count, count, 0)),
    );
    const sorted = [...new Set(due)].sort((a, b) => a - b);
    return { sorted, parts: sorted.length };
  };
  assert.equal(times(1).parts, 1);
  assert.equal(times(50).parts, 1);
  assert.equal(times(100).parts, 2);
  assert.equal(times(1000).parts, 16);
  const { sorted, parts } = times(10_000);
  assert.equal(parts, 16);
  for (const [i, ms] of sorted.entries()) {
    assert.ok(Math.abs(ms - (i + 1) * (sorted[0] ?? NaN)) < 20);
  }
});

Deno.test("roundAt() counts rounds from the first image on", () => {
  const schedule = new RefreshSchedule(INTERVAL_MS, 0);
  assert.equal(schedule.roundAt(5), 0);
  schedule.nextMs(0, 1, 1000);
  assert.equal(schedule.roundAt(1000 + 1620_000 - 1), 0);
  assert.equal(schedule.roundAt(1000 + 1620_000), 1);
});
