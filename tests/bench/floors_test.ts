import assert from "node:assert/strict";
import { brokenFloors, type Floor, rounded, wantedBy } from "./floors.ts";
import { OURS, type Row, single } from "./part.ts";

const FLOORS: readonly Floor[] = [
  { row: "rate", of: "nginx", atLeast: 0.8 },
  { row: "memory", atMost: 100 },
];

function rate(ours: number, nginx?: number): Row {
  const others = { ...nginx !== undefined && { nginx } };
  return { ...single("rate", "MiB/s", ours), others };
}

Deno.test("a floor is broken by a figure that falls short of it, and by none", () => {
  const broken = (...rows: Row[]) => brokenFloors(rows, FLOORS);
  assert.deepEqual(broken(rate(80, 100), single("memory", "MiB", 100)), []);
  assert.deepEqual(broken(rate(79, 100), single("memory", "MiB", 101)), [
    "rate: 0.79, wanted >= 0.8 of nginx",
    "memory: 101, wanted <= 100",
  ]);
  assert.deepEqual(broken(single("memory", "MiB", NaN)), [
    "memory: it gave no figure",
  ]);
  const { ours: _, ...failed } = single("memory", "MiB", 0);
  assert.deepEqual(broken({ ...failed, skipped: { [OURS]: "it fell over" } }), [
    "memory: it fell over",
  ]);
});

Deno.test("a floor beside a program that is missing, or in a part that was not run, is not broken", () => {
  assert.deepEqual(brokenFloors([rate(1)], FLOORS), []);
  assert.deepEqual(brokenFloors([], FLOORS), []);
});

Deno.test("figures have as many digits as mean something", () => {
  assert.deepEqual(
    [0, 0.123, 1.05, 9.96, 12.34, 99.96, 1234.5].map(rounded),
    ["0", "0.12", "1.1", "10", "12.3", "100", "1235"],
  );
  assert.equal(wantedBy({ row: "a", atMost: 3 }), "<= 3");
});
