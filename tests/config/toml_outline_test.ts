import assert from "node:assert/strict";
import fc from "fast-check";
import { stringify } from "smol-toml";
import { TomlOutline } from "../../lib/config/toml_outline.ts";

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
  assert.equal(at(text, ["yes"]), "yes]");
  assert.equal(at(text, ["c"], "value"), `"\\"# [no]" # '''`);
  for (const path of [["no"], ["x"]]) {
    assert.equal(new TomlOutline(text).offsetOf(path, "key"), 0);
  }
  assert.equal(at(text, ["yes", "c"]), "yes]");
});

Deno.test("TomlOutline tells tables of a list from each other", () => {
  const text = "[[t]]\na = 1\n[[t]] # x\na = 2\n[u]\n[[t]]\n[[v.w]]\nb = 3\n";
  assert.equal(at(text, ["t"]), "t]]");
  assert.equal(at(text, ["t", 0, "a"]), "a = 1");
  assert.equal(at(text, ["t", 1]), "t]] # x");
  assert.equal(at(text, ["t", 1, "a"], "value"), "2");
  assert.equal(at(text, ["t", 2, "a"]), "t]]");
  assert.equal(at(text, ["v", "w", 0, "b"], "value"), "3");
});

Deno.test("TomlOutline falls back to the nearest table around a path", () => {
  const text = "[t]\na = 1\n";
  assert.equal(at(text, ["t", "x", 3], "value"), "t]");
  assert.equal(at(text, ["nowhere"]), "[t]");
});

Deno.test("TomlOutline does not mix up array items and keys", () => {
  assert.equal(at("a = ['x']", ["a", 0]), "'x']");
  assert.equal(at("a = ['x']", ["a", "0"]), "a = ['x']");
});

Deno.test("TomlOutline takes any text", () => {
  const part = fc.constantFrom(..."[]{}\"'#=.,\n\\ a1", '"""', "'''");
  fc.assert(fc.property(
    fc.array(part, { maxLength: 40 }).map((parts) => parts.join("")),
    (text) => {
      const offset = new TomlOutline(text).offsetOf(["a", "1"], "value");
      assert(offset >= 0 && offset <= text.length);
    },
  ));
});

Deno.test("TomlOutline finds every key and item of what was written", () => {
  const scalar = fc.oneof(
    fc.integer(),
    fc.boolean(),
    fc.string({ unit: "grapheme" }),
    fc.constant(new Date(0)),
  );
  const { document } = fc.letrec((tie) => ({
    document: fc.dictionary(fc.string({ minLength: 1 }), tie("value"), {
      maxKeys: 4,
    }),
    value: fc.oneof(
      { depthSize: "small" },
      scalar,
      fc.array(scalar, { maxLength: 3 }),
      tie("document"),
    ),
  }));
  fc.assert(fc.property(document, (value) => {
    const text = stringify(value);
    const outline = new TomlOutline(text);
    const check = (value: unknown, path: (string | number)[]) => {
      if (
        typeof value !== "object" || value === null || value instanceof Date
      ) {
        const rest = text.slice(outline.offsetOf(path, "value"));
        // Of a value alone, all that the writer makes of it stands there.
        const written = stringify({ x: value }).slice("x = ".length).trimEnd();
        assert.equal(rest.slice(0, written.length), written, path.join());
        return;
      }
      for (const [key, member] of Object.entries(value)) {
        check(member, [...path, Array.isArray(value) ? Number(key) : key]);
      }
    };
    check(value, []);
  }));
});
