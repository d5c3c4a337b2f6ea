import assert from "node:assert/strict";
import { earlyOutputOptions } from "../../lib/config/early_output_options.ts";

const DEFAULTS = { level: "info", format: "text", json: false } as const;

for (
  const [argv, expected] of [
    [[], {}],
    [["serve", "--log-format", "json"], { format: "json" }],
    [["--log-format=json", "--bogus"], { format: "json" }],
    [["--log-level", "debug"], { level: "debug" }],
    [["--log-format", "json", "--log-format", "text"], {}],
    [["--log-format", "xml"], {}],
    [["--log-level"], {}],
    [["--", "--log-format", "json"], {}],
    [["--bogus", "--format", "json"], { json: true }],
    [["--format=json", "--format=text"], {}],
    [["scan", "--json", "--bogus"], { json: true }],
    [["scan", "--", "--json"], {}],
    [["--channel", "json"], {}],
  ] as const
) {
  Deno.test(`earlyOutputOptions() reads [${argv.join(" ")}]`, () => {
    assert.deepEqual(earlyOutputOptions(argv), { ...DEFAULTS, ...expected });
  });
}
