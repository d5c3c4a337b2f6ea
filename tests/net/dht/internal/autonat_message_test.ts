import assert from "node:assert/strict";
import {
  decodeDialBack,
  decodeDialRequest,
  decodeDialResponse,
  DIAL_BACK_RESPONSE,
  DialAnswer,
  DialStatus,
  encodeDialBack,
  encodeDialRequest,
  encodeDialResponse,
} from "../../../../lib/net/dht/internal/autonat_message.ts";

const NONCE = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
const A = Uint8Array.of(4, 127, 0, 0, 1, 6, 0, 80);

/** As the specification's protobuf gives them, written by hand. */
const REQUEST = Uint8Array.of(
  ...[0x0a, 19, 0x0a, 8, ...A, 0x11, ...NONCE],
);

Deno.test("AutoNAT messages have the bytes of the specification", () => {
  assert.deepEqual(
    encodeDialRequest({ addresses: [A], nonce: NONCE }),
    REQUEST,
  );
  assert.deepEqual(
    encodeDialResponse(
      { answer: DialAnswer.dialled, status: DialStatus.dialError },
      1,
    ),
    Uint8Array.of(0x12, 7, 0x08, 0xc8, 1, 0x10, 1, 0x18, 100),
  );
  assert.deepEqual(encodeDialBack(NONCE), Uint8Array.of(0x09, ...NONCE));
  assert.deepEqual(DIAL_BACK_RESPONSE, Uint8Array.of(0x08, 0));
});

Deno.test("AutoNAT messages are read as they are written", () => {
  const { addresses, nonce } = decodeDialRequest(REQUEST) ?? assert.fail();
  assert.deepEqual([...addresses], [A]);
  assert.deepEqual(nonce, NONCE);
  for (const status of Object.values(DialStatus)) {
    for (const answer of Object.values(DialAnswer)) {
      assert.deepEqual(
        decodeDialResponse(encodeDialResponse({ answer, status }, 0)),
        { answer, status },
      );
    }
  }
  assert.deepEqual(decodeDialBack(encodeDialBack(NONCE)), NONCE);
});

Deno.test("what is no AutoNAT message is refused, and addresses are bounded", () => {
  for (
    const bytes of [
      new Uint8Array(),
      Uint8Array.of(0xff),
      REQUEST.subarray(0, 20),
      Uint8Array.of(0x0a, 10, 0x0a, 8, ...A),
      Uint8Array.of(0x0a, 6, 0x12, 4, 1, 2, 3, 4),
      Uint8Array.of(0x08, 1),
    ]
  ) {
    assert.equal(decodeDialRequest(bytes), undefined);
    assert.equal(decodeDialBack(bytes), undefined);
    assert.equal(decodeDialResponse(bytes), undefined);
  }
  // It wants data first.
  assert.equal(
    decodeDialResponse(Uint8Array.of(0x1a, 4, 0x08, 0, 0x10, 9)),
    undefined,
  );
  const many = { addresses: new Array(1000).fill(A), nonce: NONCE };
  assert.equal(
    decodeDialRequest(encodeDialRequest(many))?.addresses.length,
    16,
  );
});
