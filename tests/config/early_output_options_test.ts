import assert from "node:assert/strict";
import { earlyLogOptions } from "../../lib/config/early_log_options.ts";

for (
  const [argv, expected] of [
    [[], { level: "info", format: "text" }],
    [["serve", "--log-format", "json"], { level: "info", format: "json" }],
    [["--log-format=json", "--bogus"], { level: "info", format: "json" }],
    [["--log-level", "debug"], { level: "debug", format: "text" }],
    [
      ["--log-format", "json", "--log-format", "text"],
      { level: "info", format: "text" },
    ],
    [["--log-format", "xml"], { level: "info", format: "text" }],
    [["--log-level"], { level: "info", format: "text" }],
    [["--", "--log-format", "json"], { level: "info", format: "text" }],
  ] as const
) {
  Deno.test(`earlyLogOptions() reads [${argv.join(" ")}]`, () => {
    assert.deepEqual(earlyLogOptions(argv), expected);
  });
}
