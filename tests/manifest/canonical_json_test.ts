import assert from "node:assert/strict";
import fc from "fast-check";
import {
  canonicalize,
  canonicalizeUntrusted,
  isSameJson,
  type JsonValue,
  parseJson,
} from "../../lib/manifest/canonical_json.ts";

const utf8 = new TextEncoder();

function doubleOf(hex: string): number {
  return new DataView(Uint8Array.fromHex(hex).buffer).getFloat64(0);
}

// RFC 8785, appendix B.
const NUMBERS: readonly (readonly [ieee754: string, text: string])[] = [
  ["0000000000000000", "0"],
  ["8000000000000000", "0"],
  ["0000000000000001", "5e-324"],
  ["8000000000000001", "-5e-324"],
  ["7fefffffffffffff", "1.7976931348623157e+308"],
  ["ffefffffffffffff", "-1.7976931348623157e+308"],
  ["4340000000000000", "9007199254740992"],
  ["c340000000000000", "-9007199254740992"],
  ["4430000000000000", "295147905179352830000"],
  ["44b52d02c7e14af5", "9.999999999999997e+22"],
  ["44b52d02c7e14af6", "1e+23"],
  ["44b52d02c7e14af7", "1.0000000000000001e+23"],
  ["444b1ae4d6e2ef4e", "999999999999999700000"],
  ["444b1ae4d6e2ef4f", "999999999999999900000"],
  ["444b1ae4d6e2ef50", "1e+21"],
  ["3eb0c6f7a0b5ed8c", "9.999999999999997e-7"],
  ["3eb0c6f7a0b5ed8d", "0.000001"],
  ["41b3de4355555553", "333333333.3333332"],
  ["41b3de4355555554", "333333333.33333325"],
  ["41b3de4355555555", "333333333.3333333"],
  ["41b3de4355555556", "333333333.3333334"],
  ["41b3de4355555557", "333333333.33333343"],
  ["becbf647612f3696", "-0.0000033333333333333333"],
  ["43143ff3c1cb0959", "1424953923781206.2"],
];

// Section 3.2.2 and 3.2.3, and the test data published with the RFC.
const TEXTS: readonly (readonly [name: string, from: string, to: string])[] = [
  [
    "the sample of section 3.2.2",
    String
      .raw`{"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001], "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/", "literals": [null, true, false]}`,
    String
      .raw`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
  ],
  [
    "the sorting sample of section 3.2.3",
    String
      .raw`{"\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh", "1": "One", "\ud83d\ude00": "Emoji: Grinning Face", "\u0080": "Control", "\u00f6": "Latin Small Letter O With Diaeresis"}`,
    '{"\\r":"Carriage Return","1":"One","\u0080":"Control","ö":"Latin Small Letter O With Diaeresis","€":"Euro Sign","😀":"Emoji: Grinning Face","\ufb33":"Hebrew Letter Dalet With Dagesh"}',
  ],
  [
    "arrays.json",
    '[\n  56,\n  {\n    "d": true,\n    "10": null,\n    "1": [ ]\n  }\n]',
    '[56,{"1":[],"10":null,"d":true}]',
  ],
  [
    "french.json",
    '{"peach": "This sorting order", "péché": "is wrong according to French", "pêche": "but canonicalization MUST", "sin": "ingnore locale"}',
    '{"peach":"This sorting order","péché":"is wrong according to French","pêche":"but canonicalization MUST","sin":"ingnore locale"}',
  ],
  [
    "structures.json",
    String
      .raw`{"1": {"f": {"f": "hi","F": 5} ,"\n": 56.0}, "10": { }, "": "empty", "a": { }, "111": [ { } ], "A": { }}`,
    String
      .raw`{"":"empty","1":{"\n":56,"f":{"F":5,"f":"hi"}},"10":{},"111":[{}],"A":{},"a":{}}`,
  ],
  [
    "unicode.json, which is not normalized",
    '{"Unnormalized Unicode":"A\u030a"}',
    '{"Unnormalized Unicode":"A\u030a"}',
  ],
  [
    "values.json",
    String
      .raw`{"numbers": [1E30, 4.50, 333333333.33333329, 2e-3, 0.000000000000000000000000001], "escaping": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/", "literals": [null, true, false]}`,
    String
      .raw`{"escaping":"€$\u000f\nA'B\"\\\\\"/","literals":[null,true,false],"numbers":[1e+30,4.5,333333333.3333333,0.002,1e-27]}`,
  ],
  [
    "weird.json",
    String
      .raw`{"\u20ac": "Euro Sign", "1": "One", "\u0080": "Control\u007f", "\ud83d\ude02": "Smiley", "\u00f6": "Latin Small Letter O With Diaeresis", "\ufb33": "Hebrew Letter Dalet With Dagesh", "</script>": "Browser Challenge"}`,
    '{"1":"One","</script>":"Browser Challenge","\u0080":"Control\u007f","ö":"Latin Small Letter O With Diaeresis","€":"Euro Sign","😂":"Smiley","\ufb33":"Hebrew Letter Dalet With Dagesh"}',
  ],
];

Deno.test("canonicalize() writes the numbers of RFC 8785 appendix B", () => {
  for (const [hex, text] of NUMBERS) {
    assert.equal(canonicalize(doubleOf(hex)), text, hex);
  }
});

for (const [name, from, to] of TEXTS) {
  Deno.test(`canonicalize() writes ${name}`, () => {
    const parsed = parseJson(utf8.encode(from));
    assert.ok(parsed.ok);
    assert.equal(canonicalize(parsed.value), to);
  });
}

Deno.test("canonicalize() sorts by UTF-16 code units, not by code points", () => {
  // U+1F600 begins with the unit D83D, before FB33, though its number is higher.
  assert.equal(
    canonicalize({ "\ufb33": 1, "\u{1f600}": 2 }),
    '{"\u{1f600}":2,"\ufb33":1}',
  );
});

Deno.test("canonicalize() escapes control characters in their short form", () => {
  assert.equal(
    canonicalize("\u0000\b\t\n\v\f\r\u001f\u007f"),
    String.raw`"\u0000\b\t\n\u000b\f\r\u001f` + '\u007f"',
  );
});

Deno.test("canonicalize() refuses numbers that JSON does not have", () => {
  for (const hex of ["7fffffffffffffff", "7ff0000000000000"]) {
    assert.throws(() => canonicalize([doubleOf(hex)]), TypeError);
  }
  assert.throws(() => canonicalize(-Infinity), TypeError);
});

Deno.test("canonicalize() refuses a lone surrogate in a string and in a key", () => {
  assert.throws(() => canonicalize("\ud800"), TypeError);
  assert.throws(() => canonicalize("a\udc00b"), TypeError);
  assert.throws(() => canonicalize({ "\ud83d": 1 }), TypeError);
});

Deno.test("canonicalize() leaves out what is undefined", () => {
  assert.equal(canonicalize({ a: undefined, b: 1 }), '{"b":1}');
});

Deno.test("canonicalize() keeps a key named __proto__", () => {
  const parsed = parseJson(utf8.encode('{"a":2,"__proto__":{"b":1}}'));
  assert.ok(parsed.ok);
  assert.equal(canonicalize(parsed.value), '{"__proto__":{"b":1},"a":2}');
});

Deno.test("canonicalizeUntrusted() refuses what JSON text can smuggle in", () => {
  const texts: readonly (readonly [text: string, reason: RegExp])[] = [
    ["1e999", /Infinity/],
    [String.raw`{"a":"\ud800"}`, /surrogate/],
    ["[".repeat(100_000) + "]".repeat(100_000), /32 levels/],
  ];
  for (const [text, reason] of texts) {
    const parsed = parseJson(utf8.encode(text));
    assert.ok(parsed.ok);
    const result = canonicalizeUntrusted(parsed.value);
    assert.ok(!result.ok);
    assert.match(result.reason, reason);
  }
});

Deno.test("parseJson() refuses what is not JSON in UTF-8", () => {
  const refused = [
    new Uint8Array(),
    utf8.encode("{"),
    utf8.encode('{"a":NaN}'),
    utf8.encode("{} {}"),
    Uint8Array.of(0x22, 0xff, 0x22),
    Uint8Array.of(0xef, 0xbb, 0xbf, 0x31),
    Uint8Array.of(0x22, 0xed, 0xa0, 0x80, 0x22),
  ];
  for (const bytes of refused) {
    assert.deepEqual(parseJson(bytes), {
      ok: false,
      reason: "not JSON in UTF-8",
    });
  }
});

Deno.test("parseJson() refuses a name that occurs twice in one object", () => {
  const refused = [
    '{"a":1,"a":1}',
    '{"a":1,"b":{"c":1},"a":2}',
    '{"a":1,"\\u0061":2}',
    '[{"b":[{"a":1,"a":2}]}]',
    '{"__proto__":1,"__proto__":2}',
  ];
  for (const text of refused) {
    assert.deepEqual(parseJson(utf8.encode(text)), {
      ok: false,
      reason: "a name occurs twice in one JSON object",
    }, text);
  }
});

Deno.test("parseJson() is not misled by colons, quotes and backslashes in strings", () => {
  const texts = [
    '{"a:b":"c:d"}',
    '{"a":"\\":\\"","b":"\\\\"}',
    '{"a":{"a":1},"b":[{"a":1},{"a":1}]}',
    '":"',
    "[]",
  ];
  for (const text of texts) {
    assert.deepEqual(parseJson(utf8.encode(text)), {
      ok: true,
      value: JSON.parse(text),
    });
  }
  const long = JSON.stringify({ a: '":\\'.repeat(250_000) });
  assert.ok(parseJson(utf8.encode(long)).ok);
});

Deno.test("parseJson() reads whatever JSON.stringify() writes", () => {
  fc.assert(fc.property(fc.jsonValue({ stringUnit: "binary" }), (value) => {
    const text = JSON.stringify(value, null, 1);
    assert.deepEqual(parseJson(utf8.encode(text)), {
      ok: true,
      value: JSON.parse(text),
    });
  }));
});

Deno.test("canonicalize() gives one text per value, which parses to that value", () => {
  const json = fc.jsonValue({ maxDepth: 5, stringUnit: "binary" });
  fc.assert(fc.property(json, (value) => {
    // JSON has one zero.
    const plain: JsonValue = JSON.parse(JSON.stringify(value));
    const text = canonicalize(plain);
    assert.deepEqual(JSON.parse(text), plain);
    assert.equal(canonicalize(JSON.parse(text)), text);
    assert.equal(canonicalize(reversed(plain)), text);
  }));
});

Deno.test("isSameJson() tells what canonical text tells", () => {
  const json = fc.jsonValue({ maxDepth: 3, stringUnit: "binary" })
    .map((value): JsonValue => JSON.parse(JSON.stringify(value)));
  fc.assert(fc.property(json, json, (a, b) => {
    assert.ok(isSameJson(a, reversed(a)));
    assert.equal(isSameJson(a, b), canonicalize(a) === canonicalize(b));
  }));
});

Deno.test("isSameJson() sees members of every name and kind", () => {
  const same: readonly (readonly [JsonValue, JsonValue])[] = [
    [{ a: undefined, b: 1 }, { b: 1 }],
    [-0, 0],
    [JSON.parse('{"__proto__":{}}'), JSON.parse('{"__proto__":{}}')],
  ];
  for (const [a, b] of same) assert.ok(isSameJson(a, b), JSON.stringify(a));
  const different: readonly (readonly [JsonValue, JsonValue])[] = [
    [{ a: undefined, b: 1 }, { a: 1, b: undefined }],
    [JSON.parse('{"__proto__":{}}'), { a: {} }],
    [{ toString: 1 }, { a: 1 }],
    [{}, []],
    [[], {}],
    [{ 0: 1 }, [1]],
    [[1], [1, 2]],
    [[1, 2], [1]],
    [null, {}],
    [{}, null],
    ["1", 1],
    [JSON.parse("1e999"), 1],
  ];
  for (const [a, b] of different) {
    assert.ok(!isSameJson(a, b), JSON.stringify([a, b]));
  }
});

/** The same value with the keys of every object in the opposite order. */
function reversed(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).reverse().map((
      [key, member],
    ) => [key, reversed(member ?? null)]),
  );
}
