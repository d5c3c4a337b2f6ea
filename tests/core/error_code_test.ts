import assert from "node:assert/strict";
import { errorCode, isOutOfDescriptors } from "../../lib/core/error_code.ts";

function failure(code: unknown): Error {
  return Object.assign(new Error("failed"), { code });
}

for (
  const [name, error, code, isOut] of [
    ["EMFILE", failure("EMFILE"), "EMFILE", true],
    ["ENFILE", failure("ENFILE"), "ENFILE", true],
    ["ENOTCONN", failure("ENOTCONN"), "ENOTCONN", false],
    ["a code that is a number", failure(24), undefined, false],
    ["an error without a code", new Error("EMFILE"), undefined, false],
    ["what is no error", { code: "EMFILE" }, undefined, false],
  ] as const
) {
  Deno.test(`errorCode() of ${name} is ${code}, out of descriptors: ${isOut}`, () => {
    assert.equal(errorCode(error), code);
    assert.equal(isOutOfDescriptors(error), isOut);
  });
}
