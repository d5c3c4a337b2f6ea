import assert from "node:assert/strict";
import { courseOfMemory, floorsOf, liveHeap } from "./memory_course.ts";

/** What was alive after full collections of ten minutes, as measured. */
const STEADY: readonly (readonly [atSeconds: number, mib: number])[] = [
  [6, 17.4],
  [28, 19.6],
  [69, 20.4],
  [124, 21.3],
  [196, 22.5],
  [240, 20.9],
  [293, 22.3],
  [336, 21.7],
  [444, 22.7],
  [462, 21.9],
  [566, 22.5],
  [575, 21.8],
  [592, 22],
  [606, 22.5],
];

/** The same with so much more every second. */
function heap(mibPerSecond: number) {
  return STEADY.map(([atSeconds, mib]) => ({
    atSeconds,
    mib: mib + mibPerSecond * atSeconds,
  }));
}

Deno.test("courseOfMemory() tells a leak of five kilobytes a second from none", () => {
  const growth = (mibPerSecond: number) =>
    courseOfMemory(heap(mibPerSecond))?.growth ?? NaN;
  assert.ok(Math.abs(growth(0)) < 0.03, `${growth(0)}`);
  assert.ok(growth(0.005) > 0.05, `${growth(0.005)}`);
});

Deno.test("courseOfMemory() is not misled by a minute without a collection at the end", () => {
  const resident = Array.from({ length: 600 }, (_, atSeconds) => ({
    atSeconds,
    mib: 120 + 5 * Math.sin(atSeconds) + Math.max(0, atSeconds - 530) / 3,
  }));
  assert.ok((courseOfMemory(floorsOf(resident))?.growth ?? NaN) < 0.1);
  const leaking = resident.map(({ atSeconds, mib }) => ({
    atSeconds,
    mib: mib + atSeconds / 15,
  }));
  assert.ok((courseOfMemory(floorsOf(leaking))?.growth ?? NaN) > 0.1);
});

Deno.test("courseOfMemory() says nothing of few points", () => {
  assert.equal(courseOfMemory(heap(1).slice(0, 4)), undefined);
  assert.equal(courseOfMemory([]), undefined);
});

Deno.test("liveHeap() reads full collections of the isolate that has most, cut lines left out", () => {
  const line = (isolate: string, ms: number, what: string, mib: number) =>
    `[7:${isolate}]   ${ms} ms: ${what} 30.1 (44.0) -> ${mib} (38.0) MB, pooled`;
  const trace = [
    line("0xaa", 1000, "Mark-Compact", 17.4),
    line("0xaa", 2000, "Scavenge", 18),
    line("0xbb", 2500, "Mark-Compact (reduce)", 2.8),
    line("0xaa", 3000, "Incremental Mark-Compact", 19.5),
    "[7:0xaa]   4000 ms: Mark-Compact 30.1 (44",
  ].join("\n");
  assert.deepEqual(liveHeap(trace), [
    { atSeconds: 1, mib: 17.4 },
    { atSeconds: 3, mib: 19.5 },
  ]);
});
