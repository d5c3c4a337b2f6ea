import assert from "node:assert/strict";
import { readToml } from "../../lib/config/read_toml.ts";

Deno.test("readToml() gives what TOML says", () => {
  const document = readToml('a = 1\n[b]\nc = ["x"]\n', "x.toml");
  assert.equal(JSON.stringify(document), '{"a":1,"b":{"c":["x"]}}');
});

Deno.test("readToml() names file, line and column of a syntax error, and quotes nothing", () => {
  assert.throws(() => readToml("a = 1\nb = = secret\n", "x.toml"), {
    name: "ConfigError",
    message: 'Cannot use config "x.toml" line 2 column 5: invalid value',
  });
});
