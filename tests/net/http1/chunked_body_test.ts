import fc from "fast-check";
import assert from "node:assert/strict";
import { ChunkedBodySkipper } from "../../../lib/net/http1/chunked_body.ts";

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function encode(chunks: readonly string[], trailers: string): string {
  const parts = chunks.filter((chunk) => chunk !== "")
    .map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`);
  return `${parts.join("")}0\r\n${trailers}\r\n`;
}

Deno.test("ChunkedBodySkipper finds the end of any body, however it is cut", () => {
  const chunk = fc.string({ unit: "binary-ascii" });
  fc.assert(
    fc.property(
      fc.array(chunk),
      fc.constantFrom("", "X: y\r\n"),
      fc.nat(),
      (chunks, trailers, cut) => {
        const body = encode(chunks, trailers);
        const all = bytesOf(`${body}GET / HTTP/1.1\r\n\r\n`);
        assert.equal(new ChunkedBodySkipper().take(all), body.length);
        const skipper = new ChunkedBodySkipper();
        const first = cut % body.length;
        assert.equal(skipper.take(all.subarray(0, first)), undefined);
        assert.equal(skipper.take(all.subarray(first)), body.length - first);
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
    ["a huge size", "1000000\r\n"],
    ["LF alone after the size", "5\nhello\r\n"],
    ["a chunk longer than its size", "4\r\nhello\r\n"],
    ["a chunk shorter than its size", "6\r\nhello\r\n0\r\n"],
    ["a NUL in an extension", "5;\0\r\nhello\r\n"],
    ["a size line that never ends", `5;${"a".repeat(2000)}`],
  ] as const
) {
  Deno.test(`ChunkedBodySkipper refuses ${what}`, () => {
    assert.throws(
      () => new ChunkedBodySkipper().take(bytesOf(body)),
      RangeError,
    );
  });
}

Deno.test("ChunkedBodySkipper takes any bytes without harm", () => {
  fc.assert(fc.property(fc.uint8Array(), (bytes) => {
    try {
      const end = new ChunkedBodySkipper().take(bytes);
      assert.ok(end === undefined || (end >= 5 && end <= bytes.length));
    } catch (error) {
      assert.ok(error instanceof RangeError);
    }
  }));
});
