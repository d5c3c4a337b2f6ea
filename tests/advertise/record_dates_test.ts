import assert from "node:assert/strict";
import { isClockSet, RecordDates } from "../../lib/advertise/record_dates.ts";

const DAY_MS = 86_400_000;

Deno.test("dates rise while the clock stands or goes back a minute, and follow it back further", () => {
  const dates = new RecordDates();
  const next = (wallMs: number) => dates.next({ monotonicMs: 0, wallMs });
  assert.deepEqual(
    [DAY_MS, DAY_MS, DAY_MS - 59_000, DAY_MS + 5, DAY_MS - 60_000].map(next),
    [DAY_MS, DAY_MS + 1, DAY_MS + 2, DAY_MS + 5, DAY_MS - 60_000],
  );
});

Deno.test("a clock is set when it moves by more than a minute against the other one, either way", () => {
  const before = { monotonicMs: 1000, wallMs: DAY_MS };
  const after = (setByMs: number) =>
    isClockSet(before, {
      monotonicMs: 4000,
      wallMs: DAY_MS + 3000 + setByMs,
    });
  assert.deepEqual(
    [0, 60_000, 60_001, -60_000, -60_001].map(after),
    [false, false, true, false, true],
  );
});
