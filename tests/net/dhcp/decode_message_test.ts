import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeDhcp } from "../../../lib/net/dhcp/decode_message.ts";
import { encodeDhcp } from "../../../lib/net/dhcp/encode_message.ts";
import { DHCP_LAYOUT } from "../../../lib/net/dhcp/message.ts";
import { bootPacket, bootRequest, MAC } from "../../support/dhcp_requests.ts";
import { seededRandom } from "../../support/memory_lan.ts";
import { mutatedPacket, randomPacket } from "../../support/packet_mutation.ts";

function optionsOf(packet: Uint8Array): ReadonlyMap<number, Uint8Array> {
  const decoded = decodeDhcp(packet);
  assert.ok(decoded.ok, decoded.ok ? "" : decoded.reason);
  return decoded.value.options;
}

function reasonFor(packet: Uint8Array): string {
  const decoded = decodeDhcp(packet);
  assert.ok(!decoded.ok);
  return decoded.reason;
}

/** A request with these bytes in place of its options. */
function withOptions(bytes: readonly number[], length = 300): Uint8Array {
  const packet = new Uint8Array(length);
  packet.set(bootPacket().subarray(0, DHCP_LAYOUT.options));
  packet.set(bytes, DHCP_LAYOUT.options);
  return packet;
}

Deno.test("a request of firmware is read", () => {
  const uuid = Uint8Array.from({ length: 16 }, (_, i) => i);
  const decoded = decodeDhcp(bootPacket({ uuid, relay: "10.1.0.1", xid: 7 }));
  assert.ok(decoded.ok);
  const { op, xid, flags, giaddr, hardwareAddress, options } = decoded.value;
  assert.deepEqual([op, xid, flags, giaddr.join(".")], [
    1,
    7,
    0x8000,
    "10.1.0.1",
  ]);
  assert.equal(
    Uint8Array.from(hardwareAddress).toHex(),
    MAC.replaceAll(":", ""),
  );
  assert.deepEqual([...options.get(97) ?? []], [0, ...uuid]);
  assert.deepEqual([...options.get(93) ?? []], [0, 7]);
});

Deno.test("what is no packet of Ethernet's DHCP is refused, with the reason", () => {
  const packet = bootPacket();
  const changed = (at: number, value: number) => {
    const bytes = Uint8Array.from(packet);
    bytes[at] = value;
    return bytes;
  };
  assert.match(reasonFor(packet.subarray(0, 239)), /cut short/);
  assert.match(reasonFor(new Uint8Array(1501)), /longer/);
  assert.match(reasonFor(changed(0, 3)), /neither request nor reply/);
  assert.match(reasonFor(changed(1, 6)), /not from Ethernet/);
  assert.match(reasonFor(changed(2, 16)), /not from Ethernet/);
  assert.match(reasonFor(changed(237, 0)), /BOOTP/);
});

Deno.test("an option that goes on past the packet is refused, no end at all is not", () => {
  assert.match(reasonFor(withOptions([53, 200, 1])), /option 53 cut short/);
  assert.match(reasonFor(withOptions([53], 241)), /option 53 cut short/);
  assert.deepEqual(
    [...optionsOf(withOptions([0, 0, 53, 1, 1], 245))],
    [[53, Uint8Array.of(1)]],
  );
  assert.deepEqual([...optionsOf(withOptions([255, 53, 1, 1]))], []);
});

Deno.test("an option in pieces is one, in their order (RFC 3396)", () => {
  const pieces = [77, 2, 105, 80, 53, 1, 1, 77, 2, 88, 69, 255];
  assert.equal(
    new TextDecoder().decode(optionsOf(withOptions(pieces)).get(77)),
    "iPXE",
  );
});

Deno.test("options in `file` and `sname` count where option 52 says so", () => {
  const overloaded = (overload: number) => {
    const packet = withOptions([52, 1, overload, 77, 1, 105, 255]);
    packet.set([77, 2, 80, 88, 255], DHCP_LAYOUT.bootFile);
    packet.set([77, 1, 69, 255], DHCP_LAYOUT.serverName);
    return packet;
  };
  const classOf = (overload: number) =>
    new TextDecoder().decode(optionsOf(overloaded(overload)).get(77));
  assert.equal(classOf(0), "i");
  assert.equal(classOf(1), "iPX");
  assert.equal(classOf(2), "iE");
  assert.equal(classOf(3), "iPXE");
  const decoded = decodeDhcp(overloaded(1));
  assert.ok(decoded.ok);
  assert.equal(decoded.value.bootFile.length, 0);
  assert.deepEqual([...decoded.value.serverName], [77, 1, 69, 255]);
});

Deno.test("an option cut short in an overloaded field is refused", () => {
  const packet = withOptions([52, 1, 1, 255]);
  packet.set([77, 200], DHCP_LAYOUT.bootFile);
  assert.match(reasonFor(packet), /option 77 cut short/);
});

Deno.test("what was read does not change with the packet's buffer", () => {
  const packet = bootPacket();
  const options = optionsOf(packet);
  packet.fill(0xff);
  assert.deepEqual([...options.get(93) ?? []], [0, 7]);
});

Deno.test("what is written is read back", () => {
  fc.assert(fc.property(
    fc.dictionary(
      fc.integer({ min: 1, max: 254 }).filter((code) => code !== 52).map(
        String,
      ),
      fc.uint8Array({ maxLength: 280 }),
      { maxKeys: 4 },
    ),
    fc.nat(0xffffffff),
    (given, xid) => {
      const options = new Map(
        Object.entries(given).map(([code, data]) => [Number(code), data]),
      );
      const encoded = encodeDhcp({ ...bootRequest({ xid }), options });
      const sizeBytes = [...options.values()].reduce(
        (sum, { length }) =>
          sum + length + 2 * Math.max(1, Math.ceil(length / 255)),
        241,
      );
      assert.equal(encoded.ok, sizeBytes <= 548);
      if (!encoded.ok) return;
      const decoded = decodeDhcp(encoded.value);
      assert.ok(decoded.ok);
      assert.equal(decoded.value.xid, xid);
      const read = [...decoded.value.options].map((
        [code, data],
      ) => [code, [...data]]);
      assert.deepEqual(
        read.sort(),
        [...options].map(([code, data]) => [code, [...data]]).sort(),
      );
    },
  ));
});

Deno.test("random and mutated packets give a message or a reason, nothing else", () => {
  const random = seededRandom(67);
  const template = bootPacket({
    isIpxe: true,
    uuid: new Uint8Array(16).fill(9),
  });
  let read = 0;
  for (let i = 0; i < 50_000; i++) {
    const packet = i % 5 === 0
      ? randomPacket(random)
      : mutatedPacket(random, template);
    const decoded = decodeDhcp(packet);
    if (!decoded.ok) {
      assert.match(decoded.reason, /^[ -~]{1,60}$/);
      continue;
    }
    read++;
    const bytes = [...decoded.value.options.values()]
      .reduce((sum, { length }) => sum + length, 0);
    assert.ok(bytes <= packet.length);
  }
  assert.ok(read > 1000, `${read} were read`);
});
