import assert from "node:assert/strict";
import { ConfigError } from "../../lib/core/errors.ts";

Deno.test("ConfigError names the file, the line and the column", () => {
  const error = new ConfigError(
    { path: "plasmd.toml", line: 6, column: 2 },
    "unknown key",
  );
  assert.equal(
    error.message,
    'Cannot use config "plasmd.toml" line 6 column 2: unknown key',
  );
});
