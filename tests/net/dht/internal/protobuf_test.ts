import assert from "node:assert/strict";
import { concat } from "uint8arrays/concat";
import {
  allBytes,
  decodeFields,
  field,
  firstBytes,
  firstNumber,
  fixed64,
} from "../../../../lib/net/dht/internal/protobuf.ts";

Deno.test("fields are read as they are written, of every wire type", () => {
  const eight = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  const bytes = concat([
    ...field(1, 300),
    ...field(2, Uint8Array.of(9)),
    ...field(2, Uint8Array.of(8)),
    ...field(3, undefined),
    ...fixed64(4, eight),
    ...[Uint8Array.of(5 * 8 + 5, 1, 2, 3, 4)],
  ]);
  const fields = decodeFields(bytes) ?? assert.fail();
  assert.equal(firstNumber(fields, 1), 300);
  assert.equal(firstNumber(fields, 2), undefined);
  assert.deepEqual(allBytes(fields, 2), [Uint8Array.of(9), Uint8Array.of(8)]);
  assert.deepEqual(firstBytes(fields, 2), Uint8Array.of(9));
  assert.equal(firstBytes(fields, 3), undefined);
  assert.deepEqual(firstBytes(fields, 4), eight);
  assert.deepEqual(firstBytes(fields, 5), Uint8Array.of(1, 2, 3, 4));
});

Deno.test("bytes that end too early, or have no such wire type, are malformed", () => {
  for (const bytes of [[0x80], [0x0a, 5, 1], [0x09, 1], [0x0b], [0x0f]]) {
    assert.equal(decodeFields(Uint8Array.from(bytes)), undefined, `${bytes}`);
  }
});
