import assert from "node:assert/strict";
import * as fc from "fast-check";
import { PeSignature } from "../../lib/scan/pe_signature.ts";

/** A DOS header that names the place of a signature, and that signature. */
function image(
  { dos = "MZ", at = 0x80, signature = "PE\0\0", sizeBytes = 0x200 } = {},
): Uint8Array {
  const bytes = new Uint8Array(sizeBytes).fill(0xaa);
  const write = (text: string, offset: number) =>
    bytes.set(
      new TextEncoder().encode(text).slice(0, sizeBytes - offset),
      offset,
    );
  write(dos, 0);
  new DataView(bytes.buffer).setUint32(0x3c, at, true);
  if (at < sizeBytes) write(signature, at);
  return bytes;
}

function isPe(...parts: readonly Uint8Array[]): boolean {
  const signature = new PeSignature();
  for (const part of parts) signature.take(part);
  return signature.isThere;
}

for (
  const [name, bytes, wanted] of [
    ["an image", image(), true],
    [
      "an arm64 kernel, whose signature follows at once",
      image({ at: 0x40 }),
      true,
    ],
    ["a signature at the very end", image({ at: 0x1fc }), true],
    ["no MZ", image({ dos: "ZM" }), false],
    ["MZ alone", new TextEncoder().encode("MZ"), false],
    ["no PE", image({ signature: "NE\0\0" }), false],
    ["PE without its zeros", image({ signature: "PExy" }), false],
    ["a signature that is cut off", image({ at: 0x1fe }), false],
    ["a signature beyond the end", image({ at: 0xffff_fff0 }), false],
    [
      "a signature in the DOS header",
      image({ at: 4, dos: "MZ\0\0PE\0\0" }),
      false,
    ],
    ["nothing", new Uint8Array(), false],
  ] as const
) {
  Deno.test(`PeSignature of ${name}: ${wanted}`, () => {
    assert.equal(isPe(bytes), wanted);
  });
}

Deno.test("PeSignature sees the same however the bytes are cut", () => {
  fc.assert(fc.property(
    fc.boolean(),
    fc.integer({ min: 0x40, max: 0x1fc }),
    fc.array(fc.integer({ min: 0, max: 0x200 }), { maxLength: 5 }),
    (is, at, cuts) => {
      const bytes = image({ at, dos: is ? "MZ" : "ZM" });
      const places = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
      const parts = places.slice(1).map((end, i) =>
        bytes.subarray(places[i], end)
      );
      return isPe(...parts) === is;
    },
  ));
});
