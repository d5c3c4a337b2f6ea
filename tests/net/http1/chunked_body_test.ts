import fc from "fast-check";
import assert from "node:assert/strict";
import {
  ChunkedBody,
  type ChunkedBodyRules,
  REPLY_CHUNKS,
  REQUEST_CHUNKS,
} from "../../../lib/net/http1/chunked_body.ts";

const BOTH_RULES = [REQUEST_CHUNKS, REPLY_CHUNKS];

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function encode(chunks: readonly string[], trailers: string): string {
  const parts = chunks.filter((chunk) => chunk !== "")
    .map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`);
  return `${parts.join("")}0\r\n${trailers}\r\n`;
}

/** The data of what was received, and where the body ended in it. */
function readAll(
  body: ChunkedBody,
  bytes: Uint8Array,
): [data: string, end: number | undefined] {
  let data = "";
  const parts = body.read(bytes);
  for (let part = parts.next();; part = parts.next()) {
    if (part.done) return [data, part.value];
    data += String.fromCharCode(...part.value);
  }
}

Deno.test("ChunkedBody gives the data and finds the end of any body, however it is cut", () => {
  const chunk = fc.string({ unit: "binary-ascii" });
  fc.assert(
    fc.property(
      fc.array(chunk),
      fc.constantFrom("", "X: y\r\n"),
      fc.nat(),
      fc.constantFrom(...BOTH_RULES),
      (chunks, trailers, cut, rules) => {
        const text = encode(chunks, trailers);
        const all = bytesOf(`${text}GET / HTTP/1.1\r\n\r\n`);
        assert.equal(new ChunkedBody(rules).skip(all), text.length);
        const body = new ChunkedBody(rules);
        const first = cut % text.length;
        const [data, none] = readAll(body, all.subarray(0, first));
        assert.equal(none, undefined);
        const [more, end] = readAll(body, all.subarray(first));
        assert.equal(data + more, chunks.join(""));
        assert.equal(end, text.length - first);
      },
    ),
  );
});

for (
  const [what, body] of [
    ["no size", "\r\n"],
    ["a size that is no number", "x\r\n"],
    ["a size with a sign", "+5\r\nhello\r\n"],
    ["a size with a prefix", "0x5\r\nhello\r\n"],
    ["a blank before the size", " 5\r\nhello\r\n"],
    ["a size of many digits", "000000001\r\n"],
    ["LF alone after the size", "5\nhello\r\n"],
    ["a chunk longer than its size", "4\r\nhello\r\n"],
    ["a chunk shorter than its size", "6\r\nhello\r\n0\r\n"],
    ["a NUL in an extension", "5;\0\r\nhello\r\n"],
    ["a size line that never ends", `5;${"a".repeat(40_000)}`],
    ["a trailer that is no header", "0\r\nX : y\r\n"],
    ["a blank before an extension alone", "5 x\r\nhello\r\n"],
    ["an extension without a name", "5;\r\nhello\r\n"],
    ["an extension of a value alone", "5;=a\r\nhello\r\n"],
    ["an extension without its value", "5;a=\r\nhello\r\n"],
    ["an extension with two values", "5;a=b=c\r\nhello\r\n"],
    ["an extension of two words", "5;a b\r\nhello\r\n"],
    ["two extensions in one", "5;a,b\r\nhello\r\n"],
    ["an empty extension among others", "5;a;;b\r\nhello\r\n"],
    ["a name in quotes", '5;"a"\r\nhello\r\n'],
    ["quotes that do not end", '5;a="b\r\nhello\r\n'],
    ["quotes that end with an escape", '5;a="b\\"\r\nhello\r\n'],
    ["more behind quotes", '5;a="b"c\r\nhello\r\n'],
    ["a control character in quotes", '5;a="\x7f"\r\nhello\r\n'],
    ["a carriage return in an extension", "5;a\rb\r\nhello\r\n"],
    ["32 kB of blanks", `5;a${" ".repeat(32_000)}=\r\nhello\r\n`],
  ] as const
) {
  Deno.test(`ChunkedBody refuses ${what}`, () => {
    for (const rules of BOTH_RULES) {
      assert.throws(
        () => new ChunkedBody(rules).skip(bytesOf(body)),
        RangeError,
      );
    }
  });
}

Deno.test("ChunkedBody reads a reply in which it would refuse a request", () => {
  for (
    const body of [
      "1000000\r\n",
      "5 \r\n",
      "5;a \r\n",
      `5;${"a".repeat(2000)}\r\n`,
    ]
  ) {
    const skip = (rules: ChunkedBodyRules) =>
      new ChunkedBody(rules).skip(bytesOf(body));
    assert.equal(skip(REPLY_CHUNKS), undefined, body);
    assert.throws(() => skip(REQUEST_CHUNKS), RangeError, body);
  }
});

for (
  const extensions of [
    ";a",
    ";a=b;c",
    " ; a = b\t;\tc",
    ';a="b; c=\\"d\\\\"',
    ';a=""',
    ';a="\xff"',
    ";!#$%&'*+.^_`|~=0",
    ";a".repeat(400),
  ]
) {
  Deno.test(`ChunkedBody reads over the extensions ${extensions.slice(0, 20)}`, () => {
    const body = `5${extensions}\r\nhello\r\n0${extensions}\r\n\r\n`;
    for (const rules of BOTH_RULES) {
      const [data, end] = readAll(new ChunkedBody(rules), bytesOf(body));
      assert.deepEqual([data, end], ["hello", body.length]);
    }
  });
}

Deno.test("ChunkedBody takes any bytes without harm", () => {
  const bytes = fc.oneof(
    fc.uint8Array(),
    fc.array(fc.constantFrom(..."0123aF;: \t\r\nx", "\r\n", "0\r\n\r\n"))
      .map((parts) => bytesOf(parts.join(""))),
  );
  fc.assert(
    fc.property(bytes, fc.constantFrom(...BOTH_RULES), (bytes, rules) => {
      try {
        const end = new ChunkedBody(rules).skip(bytes);
        assert.ok(end === undefined || (end >= 5 && end <= bytes.length));
      } catch (error) {
        assert.ok(error instanceof RangeError);
      }
    }),
  );
});
