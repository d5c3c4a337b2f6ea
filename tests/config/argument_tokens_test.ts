import assert from "node:assert/strict";
import { parseArgs } from "node:util";
import fc from "fast-check";
import { argumentTokens } from "../../lib/config/argument_tokens.ts";

const OPTIONS = { port: { type: "string" }, all: { type: "boolean" } } as const;

const ours = (args: readonly string[]) =>
  argumentTokens(args, (name) => name === "port");

const theirs = (args: readonly string[]) =>
  parseArgs({
    args: [...args],
    options: OPTIONS,
    strict: false,
    tokens: true,
    allowPositionals: true,
  }).tokens;

Deno.test("argumentTokens() splits as node:util does", () => {
  const word = fc.constantFrom(
    ...["--port", "--port=", "--port=1", "--port=a=b", "--all", "--all=x"],
    ...["--nonsense", "--nonsense=1", "--=", "--=x", "--", "-", "", "x", "a b"],
    ...["--port=--all", "1=2", "---", "---x=y"],
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 8 }), (args) => {
      // Through JSON, since theirs has keys whose value is undefined.
      assert.deepEqual(
        JSON.parse(JSON.stringify(ours(args))),
        JSON.parse(JSON.stringify(theirs(args))),
      );
    }),
    { numRuns: 2000 },
  );
});

Deno.test("argumentTokens() leaves single-dash words whole", () => {
  assert.deepEqual(ours(["-port", "1"]), [
    { kind: "option", index: 0, name: "port", rawName: "-port" },
    { kind: "positional", index: 1, value: "1" },
  ]);
});
