import assert from "node:assert/strict";
import { AnswerBudget } from "../../lib/pxe/answer_budget.ts";

Deno.test("a rack that is switched on gets an answer each, a wild machine only some", () => {
  const budget = new AnswerBudget();
  const wild = Array.from({ length: 500 }, () => budget.take("wild", 1000));
  assert.equal(wild.filter((isTaken) => isTaken).length, 10);
  for (let i = 0; i < 400; i++) {
    assert.ok(budget.take(`machine ${i}`, 1500));
    assert.ok(budget.take(`machine ${i}`, 1500));
  }
});

Deno.test("invented machines get so many in a second, and the next begins anew", () => {
  const budget = new AnswerBudget();
  const count = (nowMs: number) =>
    Array.from({ length: 5000 }, (_, i) => budget.take(`${nowMs} ${i}`, nowMs))
      .filter((isTaken) => isTaken).length;
  assert.equal(count(1000), 1000);
  assert.equal(count(1999), 0);
  assert.equal(count(2000), 1000);
});
