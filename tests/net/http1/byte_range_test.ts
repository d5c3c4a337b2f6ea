import fc from "fast-check";
import assert from "node:assert/strict";
import {
  type ByteRange,
  parseByteRange,
} from "../../../lib/net/http1/byte_range.ts";

const whole: ByteRange = { kind: "whole" };
const unsatisfiable: ByteRange = { kind: "unsatisfiable" };
const part = (offsetBytes: number, lengthBytes: number): ByteRange => ({
  kind: "part",
  offsetBytes,
  lengthBytes,
});

/** Of a file of 1000 bytes. */
const CASES: readonly (readonly [header: string | null, want: ByteRange])[] = [
  [null, whole],
  // RFC 9110, section 14.1.2: first and last, open, suffix, clamped.
  ["bytes=0-0", part(0, 1)],
  ["bytes=0-499", part(0, 500)],
  ["bytes=500-999", part(500, 500)],
  ["bytes=500-", part(500, 500)],
  ["bytes=0-", part(0, 1000)],
  ["bytes=-500", part(500, 500)],
  ["bytes=-1", part(999, 1)],
  ["bytes=-5000", part(0, 1000)],
  ["bytes=999-5000", part(999, 1)],
  ["bytes=0-18446744073709551615", part(0, 1000)],
  ["BYTES=0-9", part(0, 10)],
  ["  bytes=0-9  ", part(0, 10)],
  ["bytes= 0-9", part(0, 10)],
  ["bytes=,0-9,", part(0, 10)],
  ["bytes=007-009", part(7, 3)],
  // Well formed, out of bounds.
  ["bytes=1000-", unsatisfiable],
  ["bytes=1000-1001", unsatisfiable],
  ["bytes=18446744073709551615-", unsatisfiable],
  ["bytes=-0", unsatisfiable],
  // Several ranges.
  ["bytes=0-1,3-4", whole],
  ["bytes=5000-,6000-", whole],
  // What cannot be read is as good as absent. The first two are what iPXE
  // sends when its arithmetic goes wrong.
  ["bytes=u-u", whole],
  ["bytes=0--1", whole],
  ["bytes=-", whole],
  ["bytes=--5", whole],
  ["bytes=", whole],
  ["bytes", whole],
  ["", whole],
  ["bytes=5-4", whole],
  ["bytes=9007199254740993-9007199254740992", whole],
  ["bytes=0x0-0x9", whole],
  ["bytes=1e1-20", whole],
  ["bytes=0 - 9", whole],
  ["bytes=+1-2", whole],
  ["bytes=０-９", whole],
  ["bytes=999999999999999999999-", whole],
  ["items=0-9", whole],
  ["bytes:0-9", whole],
  ["bytes=0-9;", whole],
  ["bytes=0-\u00009", whole],
];

for (const [header, want] of CASES) {
  Deno.test(`parseByteRange() of ${JSON.stringify(header)}`, () => {
    assert.deepEqual(parseByteRange(header, 1000), want);
  });
}

Deno.test("parseByteRange() of an empty file has no part", () => {
  assert.deepEqual(parseByteRange("bytes=0-", 0), unsatisfiable);
  assert.deepEqual(parseByteRange("bytes=-5", 0), whole);
});

/**
 * Slow and obvious: reads the header letter by letter, then asks of each byte
 * of the file whether the header names it.
 */
function reference(header: string, sizeBytes: number): ByteRange {
  if (header.slice(0, 6).toLowerCase() !== "bytes=") return whole;
  const specs = header.slice(6).split(",").map((s) => s.trim());
  const wanted = specs.filter((s) => s.length > 0);
  if (wanted.length !== 1) return whole;
  const halves = (wanted[0] ?? "").split("-");
  if (halves.length !== 2) return whole;
  for (const half of halves) {
    for (const letter of half) if (!"0123456789".includes(letter)) return whole;
    if (half.length > 20) return whole;
  }
  const [first = "", last = ""] = halves;
  if (first === "" && last === "") return whole;
  if (first !== "" && last !== "" && BigInt(first) > BigInt(last)) return whole;
  if (first === "" && sizeBytes === 0 && BigInt(last) > 0n) return whole;
  const bytes: number[] = [];
  for (let byte = 0; byte < sizeBytes; byte++) {
    const fromEnd = BigInt(sizeBytes - byte);
    const named = first === ""
      ? fromEnd <= BigInt(last)
      : BigInt(byte) >= BigInt(first) &&
        (last === "" || BigInt(byte) <= BigInt(last));
    if (named) bytes.push(byte);
  }
  const [start] = bytes;
  return start === undefined ? unsatisfiable : part(start, bytes.length);
}

Deno.test("parseByteRange() agrees with the slow reference on ranges", () => {
  const position = fc.oneof(
    fc.constant(""),
    fc.integer({ min: 0, max: 70 }).map(String),
    fc.bigInt({ min: 0n, max: 2n ** 64n }).map(String),
    fc.constantFrom("u", "-", "00", " 1", "1 ", "9".repeat(21)),
  );
  const spec = fc.tuple(position, position).map((pair) => pair.join("-"));
  const header = fc.tuple(
    fc.constantFrom("bytes=", "Bytes=", "bytes", "items=", ""),
    fc.array(fc.oneof(spec, fc.constantFrom("", " ")), { maxLength: 3 }),
  ).map(([unit, specs]) => unit + specs.join(","));
  fc.assert(
    fc.property(header, fc.integer({ min: 0, max: 60 }), (text, size) => {
      assert.deepEqual(parseByteRange(text, size), reference(text, size));
    }),
    { numRuns: 3000 },
  );
});

Deno.test("parseByteRange() of any text stays inside the file", () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string(), fc.string().map((text) => `bytes=${text}`)),
      fc.nat(),
      (text, sizeBytes) => {
        const range = parseByteRange(text, sizeBytes);
        if (range.kind !== "part") return;
        assert.ok(range.offsetBytes >= 0 && range.lengthBytes > 0);
        assert.ok(range.offsetBytes + range.lengthBytes <= sizeBytes);
      },
    ),
  );
});
