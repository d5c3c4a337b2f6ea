import assert from "node:assert/strict";
import { runRule } from "./run_rule.ts";

/** A function of so many lines, by each way to write one. */
function functionsOf(lines: number): string[] {
  const body = `{${"\n".repeat(lines - 1)}}`;
  return [
    `function f() ${body}`,
    `export const f = async () => ${body};`,
    `class A { f() ${body} }`,
    `const a = { f() ${body} };`,
    `Deno.test("f", () => ${body});`,
  ];
}

Deno.test("the linter refuses a function longer than a screen, tests a longer one", () => {
  for (
    const [path, max] of [["lib/a/b.ts", 60], ["tests/a/b.ts", 80]] as const
  ) {
    for (const source of functionsOf(max)) {
      assert.deepEqual(runRule("short-functions", path, source), [], source);
    }
    for (const source of functionsOf(max + 1)) {
      assert.deepEqual(runRule("short-functions", path, source), [
        `A function of ${max + 1} lines`,
      ], source);
    }
  }
});

Deno.test("the linter refuses a file of more than 400 lines", () => {
  assert.deepEqual(
    runRule("short-files", "lib/a/b.ts", "f();\n".repeat(400)),
    [],
  );
  assert.deepEqual(runRule("short-files", "lib/a/b.ts", "f();\n".repeat(401)), [
    "A file of 401 lines",
  ]);
});
