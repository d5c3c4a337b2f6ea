import fc from "fast-check";
import assert from "node:assert/strict";
import { decodeMessage } from "../../../lib/net/dns/decode_message.ts";
import { encodeMessage } from "../../../lib/net/dns/encode_message.ts";
import {
  type DnsRecord,
  DnsType,
  responseMessage,
} from "../../../lib/net/dns/message.ts";
import { labelText } from "../../../lib/net/dns/name.ts";
import { addressText } from "../../../lib/net/ip_address.ts";

/** Objects as our own code makes them. */
const PLAIN = { noNullPrototype: true };
const label = fc.uint8Array({ minLength: 1, maxLength: 20 }).map(labelText);
const name = fc.array(label, { maxLength: 8 }).map((labels) =>
  labels.join(".")
);
const uint16 = fc.nat(0xffff);

const data = fc.oneof(
  fc.uint8Array({ minLength: 4, maxLength: 4 }).map((bytes) => ({
    type: DnsType.A,
    address: addressText(bytes),
  })),
  fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => ({
    type: DnsType.AAAA,
    address: addressText(bytes),
  })),
  name.map((target) => ({ type: DnsType.PTR, target })),
  fc.record(
    { priority: uint16, weight: uint16, port: uint16, target: name },
    PLAIN,
  )
    .map((service) => ({ type: DnsType.SRV, service })),
  fc.array(fc.uint8Array({ maxLength: 255 }), { minLength: 1, maxLength: 3 })
    .map((strings) => ({ type: DnsType.TXT, strings })),
  fc.record({ nextName: name, types: fc.uniqueArray(fc.nat(255)) })
    .map(({ nextName, types }) => ({
      type: DnsType.NSEC,
      nextName,
      types: types.sort((a, b) => a - b),
    })),
);

const record: fc.Arbitrary<DnsRecord> = fc.tuple(
  name,
  fc.nat(0x7fffffff),
  fc.boolean(),
  data,
).map(([name, ttlSeconds, cacheFlush, data]) => ({
  name,
  ttlSeconds,
  cacheFlush,
  ...data,
}));

const message = fc.record({
  id: uint16,
  isResponse: fc.boolean(),
  truncated: fc.boolean(),
  questions: fc.array(
    fc.record(
      { name, type: uint16, unicastResponse: fc.boolean() },
      PLAIN,
    ),
    { maxLength: 3 },
  ),
  answers: fc.array(record, { maxLength: 5 }),
  authorities: fc.array(record, { maxLength: 2 }),
  additionals: fc.array(record, { maxLength: 5 }),
}, PLAIN);

Deno.test("decodeMessage() reads what encodeMessage() wrote", () => {
  fc.assert(fc.property(message, (message) => {
    const decoded = decodeMessage(encodeMessage(message));
    assert.deepEqual(decoded, { ok: true, value: message });
  }));
});

Deno.test("decodeMessage() gives a value or a reason for any bytes", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
    const decoded = decodeMessage(bytes);
    assert.equal(typeof decoded.ok, "boolean");
  }));
});

Deno.test("decodeMessage() gives a value or a reason for any mutation", () => {
  const at = fc.nat();
  fc.assert(fc.property(message, at, fc.nat(255), at, (m, i, byte, cut) => {
    const bytes = encodeMessage(m);
    bytes[i % bytes.length] = byte;
    decodeMessage(bytes);
    decodeMessage(bytes.subarray(0, cut % bytes.length));
  }));
});

/** A response header with one answer. */
const HEADER = [0, 0, 0x84, 0, 0, 0, 0, 1, 0, 0, 0, 0];
const refused: readonly (readonly [what: string, bytes: readonly number[]])[] =
  [
    ["an empty packet", []],
    ["a header cut short", HEADER.slice(0, 11)],
    ["an answer that is not there", HEADER],
    ["a name that points to itself", [...HEADER, 0xc0, 12]],
    ["a name that points forward", [...HEADER, 0xc0, 20]],
    ["a label that ends after the packet", [...HEADER, 9, 97]],
    ["a label of unknown kind", [...HEADER, 0x41, 97, 0]],
    [
      "an address of three bytes",
      [...HEADER, 0, 0, 1, 0, 1, 0, 0, 0, 9, 0, 3, 1, 2, 3],
    ],
    [
      "an address of five bytes",
      [...HEADER, 0, 0, 1, 0, 1, 0, 0, 0, 9, 0, 5, 1, 2, 3, 4, 5],
    ],
    [
      "a TXT string that ends after its record",
      [...HEADER, 0, 0, 16, 0, 1, 0, 0, 0, 9, 0, 2, 9, 97],
    ],
    ["another opcode", [0, 0, 0x90, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
    ["a response code", [0, 0, 0x84, 3, 0, 0, 0, 0, 0, 0, 0, 0]],
  ];
for (const [what, bytes] of refused) {
  Deno.test(`decodeMessage() refuses ${what}`, () => {
    assert.equal(decodeMessage(Uint8Array.from(bytes)).ok, false);
  });
}

Deno.test("decodeMessage() leaves out records of another class", () => {
  const chaos = [...HEADER, 0, 0, 1, 0, 3, 0, 0, 0, 9, 0, 4, 1, 2, 3, 4];
  const decoded = decodeMessage(Uint8Array.from(chaos));
  assert.deepEqual(decoded, { ok: true, value: responseMessage([]) });
});
