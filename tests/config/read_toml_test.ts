import assert from "node:assert/strict";
import { lineAndColumn, readToml } from "../../lib/config/read_toml.ts";

Deno.test("readToml() gives what TOML says", () => {
  const document = readToml('a = 1\n[b]\nc = ["x"]\n', "x.toml");
  assert.equal(JSON.stringify(document), '{"a":1,"b":{"c":["x"]}}');
});

Deno.test("readToml() names file, line, column and key of a syntax error, and quotes nothing", () => {
  assert.throws(() => readToml("a = 1\nb = = secret\n", "x.toml"), {
    name: "ConfigError",
    message: 'Cannot use config "x.toml" line 2 column 5: "b": invalid value',
  });
});

for (
  const [text, place, name] of [
    ["[dht]\nport = 1\nport = 2\n", "line 3 column 1", '"port": '],
    ["[dht]\nport = 1\n[dht]\n", "line 3 column 2", "[dht]: "],
    ["keys = [\n  'a'\n  'b'\n]\n", "line 3 column 3", '"keys": '],
    ["[[a]]\n'b.c' = 1\n\"d e\" = yes\n", "line 3 column 9", '"d e": '],
    ["a.b = 1\nsecret", "line 2 column 1", '"a.b": '],
    ["secret", "line 1 column 1", ""],
  ] as const
) {
  Deno.test(`readToml() refuses ${JSON.stringify(text)} at ${name || "no name"}`, () => {
    assert.throws(() => readToml(text, "x.toml"), ({ message }) => {
      const start = `Cannot use config "x.toml" ${place}: ${name}`;
      assert.equal(message.slice(0, start.length), start);
      assert.match(message.slice(start.length), /^[a-z-]+ [^"[]*$/);
      assert.doesNotMatch(message, /secret/);
      return true;
    });
  });
}

Deno.test("readToml() says where a text is not UTF-8", () => {
  const latin1 = Uint8Array.from(
    "a = 1\nname = 'K\u00FCche'\n",
    (c) => c.charCodeAt(0),
  );
  assert.throws(() => readToml(new TextDecoder().decode(latin1), "x.toml"), {
    message:
      'Cannot use config "x.toml" line 2 column 10: this is not UTF-8, save the file as UTF-8',
  });
});

Deno.test("lineAndColumn() counts both from 1", () => {
  assert.deepEqual(lineAndColumn("ab\r\ncd", 0), { line: 1, column: 1 });
  assert.deepEqual(lineAndColumn("ab\r\ncd", 5), { line: 2, column: 2 });
  assert.deepEqual(lineAndColumn("", 0), { line: 1, column: 1 });
});
