import fc from "fast-check";
import assert from "node:assert/strict";
import {
  decodeAnswer,
  decodeRecord,
  encodeRecord,
  encodeRequest,
  KadCall,
} from "../../../lib/net/dht/message.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("encodeRequest() writes the protocol buffer of the specification", () => {
  const request = encodeRequest({ call: KadCall.findNode, key: bytes("key") });
  assert.equal(request.toHex(), "0804" + "12036b6579" + "5001");
});

Deno.test("encodeRequest() writes a record and a provider", () => {
  const request = encodeRequest({
    call: KadCall.putValue,
    key: bytes("k"),
    record: bytes("r"),
    provider: { multihash: bytes("id"), addresses: [bytes("a"), bytes("b")] },
  });
  assert.equal(
    request.toHex(),
    "0800" + "12016b" + "1a0172" + "4a0a" + "0a026964" + "120161" + "120162" +
      "5001",
  );
});

Deno.test("decodeAnswer() reads value, closer nodes and providers", () => {
  const record = encodeRecord({
    key: bytes("key"),
    value: bytes("value"),
    ttlSeconds: 3600,
    receivedAtMs: 0,
  });
  const answer = decodeAnswer(Uint8Array.from([
    ...[0x08, 1, 0x1a, record.length, ...record],
    ...[0x42, 6, 0x0a, 1, 7, 0x12, 1, 8],
    ...[0x4a, 3, 0x0a, 1, 9],
  ]));
  assert.ok(answer.ok);
  assert.deepEqual(answer.value.value, bytes("value"));
  assert.deepEqual(answer.value.closer, [
    { multihash: Uint8Array.of(7), addresses: [Uint8Array.of(8)] },
  ]);
  assert.deepEqual(answer.value.providers, [
    { multihash: Uint8Array.of(9), addresses: [] },
  ]);
});

Deno.test("decodeAnswer() leaves out a malformed peer, not the others", () => {
  const answer = decodeAnswer(
    Uint8Array.of(0x42, 1, 0xff, 0x42, 0, 0x42, 3, 0x0a, 1, 7),
  );
  assert.ok(answer.ok);
  assert.deepEqual(answer.value.closer.map((p) => p.multihash), [
    Uint8Array.of(7),
  ]);
});

Deno.test("decodeAnswer() reads a bounded number of peers and addresses", () => {
  const address = [0x12, 1, 1];
  const peer = [0x0a, 1, 7, ...Array(30).fill(address).flat()];
  const many = Array(300).fill([0x42, peer.length, ...peer]).flat();
  const answer = decodeAnswer(Uint8Array.from(many));
  assert.ok(answer.ok);
  assert.equal(answer.value.closer.length, 256);
  assert.equal(answer.value.closer[0]?.addresses.length, 16);
});

Deno.test("decodeAnswer() refuses what is cut short or lies about lengths", () => {
  for (
    const hex of [
      "08", // tag without value
      "08ffffffffffffffffffff01", // varint of 11 bytes
      "1a05", // five bytes announced, none there
      "1affffffffffffffff7f", // more than any message holds
      "0b", // group, wire type 3
      "07", // wire type 7
    ]
  ) assert.equal(decodeAnswer(Uint8Array.fromHex(hex)).ok, false, hex);
});

Deno.test("decodeAnswer() never throws", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (input) => {
    decodeAnswer(input);
  }));
});

Deno.test("decodeRecord() gives back what encodeRecord() wrote", () => {
  fc.assert(fc.property(
    fc.uint8Array({ minLength: 1, maxLength: 300 }),
    fc.uint8Array({ maxLength: 5000 }),
    fc.integer({ min: 1, max: 86400 }),
    fc.integer({ min: 0, max: 4e12 }),
    (key, value, ttlSeconds, receivedAtMs) => {
      const record = encodeRecord({ key, value, ttlSeconds, receivedAtMs });
      assert.deepEqual(decodeRecord(record), { key, value, receivedAtMs });
    },
  ));
});
