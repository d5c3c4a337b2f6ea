import fc from "fast-check";
import assert from "node:assert/strict";
import {
  readHeaderLine,
  valuesOf,
} from "../../../lib/net/http1/header_lines.ts";

Deno.test("readHeaderLine() reads a line, whichever way it ends, and what comes next", () => {
  const read = { name: "x-a", value: "b: c" };
  const text = "GET\r\nX-A: \t b: c \t\r\nY: z\n";
  assert.deepEqual(readHeaderLine(text, 5), { ...read, end: 20 });
  assert.deepEqual(readHeaderLine(text, 20), {
    name: "y",
    value: "z",
    end: 25,
  });
  assert.deepEqual(readHeaderLine("X-A:b: c"), { ...read, end: 8 });
  assert.deepEqual(readHeaderLine("X:"), { name: "x", value: "", end: 2 });
});

Deno.test("readHeaderLine() takes only blanks and tabs off a value", () => {
  assert.equal(readHeaderLine("A: \xa0b\xa0 ")?.value, "\xa0b\xa0");
});

for (
  const [what, line] of [
    ["a blank before the colon", "A : b"],
    ["a line that continues another", " b"],
    ["no name", ": b"],
    ["no colon", "A"],
    ["a separator in the name", "A(b): c"],
    ["a NUL", "A: b\0"],
    ["another control character", "A: b\x01"],
    ["CR alone", "A: b\rC: d"],
    ["a character of two bytes", "A: \u0100"],
    ["nothing", ""],
  ] as const
) {
  Deno.test(`readHeaderLine() refuses ${what}`, () => {
    for (const end of ["", "\n", "\r\n"]) {
      assert.equal(readHeaderLine(line + end), undefined);
    }
  });
}

Deno.test("readHeaderLine() gives no more than one line of any text", () => {
  const text = fc.array(fc.constantFrom(..."aA:: \t\r\n\0\x80", "\r\n"))
    .map((parts) => parts.join(""));
  fc.assert(fc.property(text, (text) => {
    const line = readHeaderLine(text);
    if (line === undefined) return;
    assert.match(line.name, /^[a-z]+$/);
    assert.doesNotMatch(line.value, /[\0\r\n]|^[ \t]|[ \t]$/);
    const first = text.indexOf("\n") + 1 || text.length;
    assert.equal(line.end, first);
  }));
});

Deno.test("valuesOf() gives all values of a name in their order", () => {
  const headers = [["a", "1"], ["b", "2"], ["a", "3"]] as const;
  assert.deepEqual(valuesOf(headers, "a"), ["1", "3"]);
  assert.deepEqual(valuesOf(headers, "c"), []);
});
