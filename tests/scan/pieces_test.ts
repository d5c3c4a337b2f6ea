import assert from "node:assert/strict";
import {
  PIECE_BYTES,
  pieceList,
  pieceListBytes,
} from "../../lib/scan/pieces.ts";

for (
  const [sizeBytes, pieces] of [
    [0, 0],
    [1, 1],
    [PIECE_BYTES, 1],
    [PIECE_BYTES + 1, 2],
    [2 * 1024 ** 3, 512],
  ] as const
) {
  Deno.test(`pieceListBytes() of ${sizeBytes} bytes has ${pieces} digests`, () => {
    assert.equal(pieceListBytes(sizeBytes), pieces * 32);
  });
}

Deno.test("pieceList() names a list by its SHA-256", () => {
  const list = new TextEncoder().encode("abc");
  assert.deepEqual(pieceList(list), {
    list,
    sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  });
});
