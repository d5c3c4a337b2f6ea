import assert from "node:assert/strict";
import fc from "fast-check";
import { lineAndColumn, TomlOutline } from "../../lib/config/toml_outline.ts";

/** What stands at the place of a path, up to the end of the line. */
function at(
  text: string,
  path: (string | number)[],
  part: "key" | "value" = "key",
): string | undefined {
  return text.slice(new TomlOutline(text).offsetOf(path, part)).split("\n")[0];
}

Deno.test("TomlOutline finds keys and values in tables", () => {
  const text = "a = 1\n[t.u]  # x\n  b=2\n[t.u.v]\nb = 'c'\n";
  assert.equal(at(text, ["a"]), "a = 1");
  assert.equal(at(text, ["a"], "value"), "1");
  assert.equal(at(text, ["t"]), "t.u]  # x");
  assert.equal(at(text, ["t", "u"]), "u]  # x");
  assert.equal(at(text, ["t", "u", "b"]), "b=2");
  assert.equal(at(text, ["t", "u", "v", "b"], "value"), "'c'");
});

Deno.test("TomlOutline finds dotted and quoted keys", () => {
  const text = `a . "b c".'d' = 1\n"\\u0065" = 2\n`;
  assert.equal(at(text, ["a", "b c"]), `"b c".'d' = 1`);
  assert.equal(at(text, ["a", "b c", "d"], "value"), "1");
  assert.equal(at(text, ["e"]), `"\\u0065" = 2`);
});

Deno.test("TomlOutline finds what is in inline tables and arrays", () => {
  const text = "a = [ # ]\n  1, 'x]',\n  { b = [2, 3], c.d = 4 }\n]\ne = 5\n";
  assert.equal(at(text, ["a", 1]), "'x]',");
  assert.equal(at(text, ["a", 2, "b", 1]), "3], c.d = 4 }");
  assert.equal(at(text, ["a", 2, "c", "d"], "value"), "4 }");
  assert.equal(at(text, ["e"]), "e = 5");
});

Deno.test("TomlOutline is not misled by strings and comments", () => {
  const text = [
    `a = """`,
    `[no]`,
    `x = \\""" [no] "" """""`,
    `b = '''`,
    `[no]''' # [no]`,
    `# [no]`,
    `c = "\\"# [no]" # '''`,
    `[yes]`,
  ].join("\n");
  const outline = new TomlOutline(text);
  assert.deepEqual(outline.headers.map((h) => h.map((w) => w.name)), [["yes"]]);
  assert(
    outline.has(["c"]) && !outline.has(["x"]) && !outline.has(["yes", "c"]),
  );
});

Deno.test("TomlOutline falls back to the nearest table around a path", () => {
  const text = "[t]\na = 1\n";
  assert.equal(at(text, ["t", "x", 3], "value"), "t]");
  assert.equal(at(text, ["nowhere"]), "[t]");
});

Deno.test("TomlOutline does not mix up array items and keys", () => {
  assert(!new TomlOutline("a = ['x']").has(["a", "0"]));
});

Deno.test("lineAndColumn() counts both from 1", () => {
  assert.deepEqual(lineAndColumn("ab\r\ncd", 0), { line: 1, column: 1 });
  assert.deepEqual(lineAndColumn("ab\r\ncd", 5), { line: 2, column: 2 });
  assert.deepEqual(lineAndColumn("", 0), { line: 1, column: 1 });
});

Deno.test("TomlOutline takes any text", () => {
  const part = fc.constantFrom(..."[]{}\"'#=.,\n\\ a1", '"""', "'''");
  fc.assert(fc.property(
    fc.array(part, { maxLength: 40 }).map((parts) => parts.join("")),
    (text) => {
      for (const word of new TomlOutline(text).headers.flat()) {
        assert(word.start < word.end && word.end <= text.length);
      }
    },
  ));
});
