import assert from "node:assert/strict";
import { fillFrom } from "../../lib/core/fill_from.ts";

/** A file that gives three bytes at a time. */
function file(content: string) {
  const bytes = new TextEncoder().encode(content);
  return {
    readAt(buffer: Uint8Array, offsetBytes: number) {
      const part = bytes.subarray(offsetBytes).subarray(0, 3)
        .subarray(0, buffer.length);
      buffer.set(part);
      return Promise.resolve(part.length);
    },
  };
}

for (
  const [size, offset, expected] of [
    [4, 2, "cdef"],
    [9, 3, "defgh"],
    [3, 8, ""],
    [0, 0, ""],
  ] as const
) {
  Deno.test(`fillFrom() gives ${JSON.stringify(expected)} for ${size} bytes from ${offset} on`, async () => {
    const buffer = new Uint8Array(size);
    const count = await fillFrom(file("abcdefgh"), buffer, offset);
    assert.equal(
      new TextDecoder().decode(buffer.subarray(0, count)),
      expected,
    );
  });
}
