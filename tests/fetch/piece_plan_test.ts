import fc from "fast-check";
import assert from "node:assert/strict";
import { PiecePlan, type PieceRun } from "../../lib/fetch/piece_plan.ts";

const equalRates = () => 1;

/** The pieces that a run is still to send. */
function piecesOf({ next, end }: PieceRun): number[] {
  return Array.from({ length: end - next }, (_, i) => next + i);
}

Deno.test("PiecePlan gives each piece to one source", () => {
  const plan = new PiecePlan(5);
  plan.add(1);
  const runs = [plan.take(0, 4), plan.take(1, 2), plan.take(2, 9)];
  assert.deepEqual(runs.map((run) => run && piecesOf(run)), [[0], [2, 3], [4]]);
  assert.equal(plan.take(3, 1), undefined);
  assert.equal(plan.freeCount, 0);
});

Deno.test("PiecePlan gives back what a source did not send", () => {
  const plan = new PiecePlan(4);
  const run = plan.take(0, 4);
  assert.ok(run !== undefined);
  plan.add(0, run);
  assert.ok(plan.advance(run));
  plan.release(run);
  plan.release(run);
  assert.equal(plan.freeCount, 3);
  assert.ok(!plan.advance(run));
  assert.deepEqual(plan.take(1, 9), { source: 1, next: 1, end: 4 });
});

Deno.test("PiecePlan shares what the slowest has before it, by what each can do", () => {
  const plan = new PiecePlan(21);
  const slow = plan.take(0, 11);
  plan.take(1, 10);
  const rates = [1, 9, 9];
  const shared = plan.share(2, (source) => rates[source] ?? 0);
  assert.deepEqual(shared, { source: 2, next: 2, end: 11 });
  assert.equal(slow?.end, 2);
  // Nobody knows how fast they are: half of it.
  const unknown = new PiecePlan(11);
  unknown.take(0, 11);
  assert.deepEqual(unknown.share(1, () => 0), { source: 1, next: 6, end: 11 });
});

Deno.test("PiecePlan has a last piece sent twice, and ends the later one", () => {
  const plan = new PiecePlan(1);
  const first = plan.take(0, 1);
  const second = plan.share(1, equalRates);
  assert.deepEqual(second, { source: 1, next: 0, end: 1 });
  assert.equal(plan.share(0, equalRates), undefined);
  assert.equal(plan.share(2, equalRates), undefined);
  assert.ok(first !== undefined && second !== undefined);
  plan.release(second);
  assert.equal(plan.freeCount, 0);
  const third = plan.share(2, equalRates);
  assert.ok(third !== undefined);
  assert.deepEqual(plan.add(0, third), [first]);
  assert.deepEqual(plan.add(0, first), []);
  assert.ok(plan.isDone);
  assert.ok(!plan.advance(third));
});

/** A source does one thing; what it cannot do just now is left out. */
type Step = readonly [
  source: number,
  what: "work" | "fail",
  rate: number,
];

const STEPS: fc.Arbitrary<Step[]> = fc.array(
  fc.tuple(
    fc.nat(3),
    fc.constantFrom("work", "work", "work", "fail" as const),
    fc.nat(5),
  ),
  { maxLength: 200 },
);

Deno.test("PiecePlan loses no piece and sends none thrice, whatever sources do", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), STEPS, (count, steps) => {
      const plan = new PiecePlan(count);
      const runs = new Map<number, PieceRun>();
      const rates = [0, 0, 0, 0];
      const work = (source: number) => {
        const run = runs.get(source) ?? plan.take(source, 1 + source * 2) ??
          plan.share(source, (one) => rates[one] ?? 0);
        if (run === undefined) return false;
        if (!runs.has(source)) {
          for (const piece of piecesOf(run)) assert.ok(!plan.has(piece));
          runs.set(source, run);
          return true;
        }
        for (const lost of plan.add(run.next, run)) {
          plan.release(lost);
          runs.delete(lost.source);
        }
        if (!plan.advance(run)) runs.delete(source);
        return true;
      };
      const check = () => {
        const holders = Array.from({ length: count }, () => 0);
        for (const run of runs.values()) {
          assert.ok(run.next < run.end);
          for (const piece of piecesOf(run)) {
            holders[piece] = (holders[piece] ?? 0) + 1;
          }
        }
        let free = 0;
        for (const [piece, held] of holders.entries()) {
          assert.ok(held <= 2);
          if (held === 2) assert.ok(!plan.has(piece));
          if (held === 0 && !plan.has(piece)) free++;
        }
        assert.equal(plan.freeCount, free);
      };
      for (const [source, what, rate] of steps) {
        rates[source] = rate;
        const run = runs.get(source);
        if (what === "fail" && run !== undefined) {
          plan.release(run);
          runs.delete(source);
        } else work(source);
        check();
      }
      // Whatever happened, one source alone can finish it.
      for (const [source, run] of runs) {
        if (source !== 0) plan.release(run);
      }
      for (const source of [1, 2, 3]) runs.delete(source);
      for (let tries = 0; !plan.isDone; tries++) {
        assert.ok(tries < 3 * count);
        assert.ok(work(0));
        check();
      }
    }),
  );
});
