import assert from "node:assert/strict";
import { answerOrElse } from "../../../lib/net/http1/answer_or_else.ts";
import { textAnswer } from "../../../lib/net/http1/answers.ts";

const ANSWER = textAnswer("answer", {});
const OTHER = textAnswer("other", {});
const ERROR = new Error("no answer");

function notCalled(): never {
  throw new Error("nothing has failed");
}

Deno.test("answerOrElse() gives what is at hand at once", () => {
  assert.equal(answerOrElse(() => ANSWER, notCalled), ANSWER);
});

Deno.test("answerOrElse() gives what comes later", async () => {
  const answer = answerOrElse(() => Promise.resolve(ANSWER), notCalled);
  assert.equal(await answer, ANSWER);
});

for (
  const [when, make] of [
    ["at once", () => {
      throw ERROR;
    }],
    ["later", () => Promise.reject(ERROR)],
  ] as const
) {
  Deno.test(`answerOrElse() gives the other answer to what fails ${when}`, async () => {
    const errors: unknown[] = [];
    const answer = answerOrElse(make, (error) => {
      errors.push(error);
      return OTHER;
    });
    assert.equal(await answer, OTHER);
    assert.deepEqual(errors, [ERROR]);
  });
}
