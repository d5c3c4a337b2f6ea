import assert from "node:assert/strict";
import { assertRule, runRule } from "./run_rule.ts";

Deno.test("the linter has optional members written in one way", () => {
  const path = "core/planted.ts";
  assertRule("optional-member", {
    planted: [
      [path, "f({ ...(x === undefined ? {} : { x }) });"],
      [path, "f({ ...x ? { x } : {} });"],
      [path, "f({ ...x && { x } });"],
      [path, "f({ ...a.x && { x: a.x } });"],
      [path, "f({ ...a?.x && { x: a.x } });"],
    ],
    allowed: [
      [path, "f({ ...x !== undefined && { x } });"],
      [path, 'f({ ...reader.has("x") && { x: reader.text("x") } });'],
      [path, "f({ ...n > 0 && { n } });"],
      [path, "f({ ...x ? a : b, ...c });"],
      [path, "f([...x ? [x] : []]);"],
    ],
  });
  assert.equal(
    runRule("optional-member", "tests/a_test.ts", "f({ ...x && { x } });")
      .length,
    1,
  );
});

Deno.test("the linter refuses riddles, describe() and names that say nothing", () => {
  assertRule("plain-words", {
    planted: [
      ["core/planted.ts", "// Whoever asks is answered.\nf();"],
      ["core/planted.ts", "/** For whosoever comes. */\nf();"],
      ["cli/planted.ts", "function describe(status) {}"],
      ["core/utils.ts", "f();"],
      ["core/string_util.ts", "f();"],
      ["net/helpers.ts", "f();"],
    ],
    allowed: [
      ["core/planted.ts", "// The client is answered, however it asks.\nf();"],
      ["cli/planted.ts", "function describeStatus(status) {}"],
      ["core/utilisation.ts", "f();"],
    ],
  });
  const inTests = (source: string) =>
    runRule("plain-words", "tests/support/a.ts", source).length;
  assert.equal(inTests("// whoever\nf();"), 1);
  assert.equal(inTests("function describe() {}"), 0);
});

Deno.test("the linter asks for a doc comment at every export of lib", () =>
  assertRule("documented", {
    planted: [
      ["net/dht/internal/planted.ts", "export const a = 1;"],
      ["core/planted.ts", "// A line.\nexport function f() {}"],
      ["core/planted.ts", "/* No doc. */\nexport interface A {}"],
      ["core/planted.ts", "/** B. */\nconst b = 1;\nexport class A {}"],
    ],
    allowed: [
      ["core/planted.ts", "/** A. */\nexport const a = 1;"],
      ["core/planted.ts", "const a = 1;"],
    ],
  }));
