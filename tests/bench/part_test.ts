import assert from "node:assert/strict";
import { median, missing, OURS, reasonOf, takeTurns } from "./part.ts";

const FOREVER = { rounds: 3, endMs: Infinity };

Deno.test("programs are measured in turns, after a round that warms up", async () => {
  const order: string[] = [];
  const counts = { ours: 0, theirs: 0 };
  const [row] = await takeTurns([{
    name: "a",
    unit: "ms",
    programs: {
      [OURS]: () => {
        order.push("ours");
        return Promise.resolve([100, 3, 1, 2][counts.ours++] ?? NaN);
      },
      theirs: () => {
        order.push("theirs");
        return Promise.resolve([100, 6, 5, 4][counts.theirs++] ?? NaN);
      },
    },
    skipped: { third: "not installed" },
  }], FOREVER);
  assert.deepEqual(row, {
    name: "a",
    unit: "ms",
    ours: 2,
    // Of 3/6, 1/5 and 2/4, which is not 2/5.
    ratios: { theirs: 0.5 },
    others: { theirs: 5 },
    skipped: { third: "not installed" },
    rounds: 3,
  });
  assert.deepEqual(order, Array(4).fill(["ours", "theirs"]).flat());
});

Deno.test("a program that fails is out, says why, and ends nothing", async () => {
  let tries = 0;
  const [row] = await takeTurns([{
    name: "a",
    unit: "ms",
    programs: {
      [OURS]: () => Promise.resolve(1),
      theirs: () => {
        tries++;
        return tries < 3
          ? Promise.resolve(1)
          : Promise.reject(new Error("theirs failed:\nhm\nno route\n"));
      },
    },
  }], FOREVER);
  assert.deepEqual(row?.others, {});
  assert.deepEqual(row?.skipped, { theirs: "theirs failed: no route" });
  assert.equal(row?.ours, 1);
  assert.equal(tries, 3);
});

Deno.test("where time is short three rounds are taken", async () => {
  const contest = {
    name: "a",
    unit: "ms",
    programs: { [OURS]: () => Promise.resolve(1) },
  };
  const [row] = await takeTurns([contest], { rounds: 9, endMs: 0 });
  assert.equal(row?.rounds, 3);
});

Deno.test("a median is one of the figures, and a reason one line", () => {
  assert.equal(median([9, 1, 5]), 5);
  assert.equal(median([4, 1, 3, 2]), 2);
  assert.ok(Number.isNaN(median([])));
  assert.equal(reasonOf("x".repeat(500)).length, 100);
  assert.equal(missing("a", "ms", new Error("no")).skipped[OURS], "no");
});
