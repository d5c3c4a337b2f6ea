import assert from "node:assert/strict";
import {
  decodePacket,
  encodeAcknowledgement,
  encodeData,
  encodeError,
  encodeOptions,
  encodeReadRequest,
} from "../../../lib/net/tftp/packet.ts";
import { tftpRequest } from "../../support/tftp_client.ts";

Deno.test("decodePacket() reads a request with its options", () => {
  const packet = decodePacket(
    tftpRequest("snponly.efi", "OCTET", { tsize: "0", BLKSIZE: "1468" }),
  );
  assert.ok(packet.ok && packet.value.kind === "read");
  const { name, mode, options } = packet.value;
  assert.equal(name, "snponly.efi");
  assert.equal(mode, "octet");
  assert.deepEqual([...options], [["tsize", "0"], ["blksize", "1468"]]);
});

Deno.test("what a client sends is as the RFC has it", () => {
  assert.deepEqual(
    encodeReadRequest("a.ipxe"),
    new TextEncoder().encode("\0\x01a.ipxe\0octet\0"),
  );
  assert.deepEqual(encodeAcknowledgement(0x10102), Uint8Array.of(0, 4, 1, 2));
});

Deno.test("decodePacket() takes the first of options that are said twice, and no half ones", () => {
  const bytes = new TextEncoder().encode(
    "\0\x01a\0octet\0blksize\x008\0BLKSIZE\x009\0tsize\0",
  );
  const packet = decodePacket(bytes);
  assert.ok(packet.ok && packet.value.kind === "read");
  assert.deepEqual([...packet.value.options], [["blksize", "8"]]);
});

Deno.test("decodePacket() reads what else clients send", () => {
  assert.deepEqual(decodePacket(Uint8Array.of(0, 4, 1, 2)), {
    ok: true,
    value: { kind: "acknowledgement", block: 258 },
  });
  assert.deepEqual(decodePacket(encodeError(8, "User aborted")), {
    ok: true,
    value: { kind: "error", code: 8, message: "User aborted" },
  });
  const write = tftpRequest("a", "octet");
  write[1] = 2;
  const packet = decodePacket(write);
  assert.equal(packet.ok && packet.value.kind, "write");
  for (const bytes of [encodeData(1, Uint8Array.of(1)), encodeOptions([])]) {
    const other = decodePacket(Uint8Array.of(...bytes, 0, 0));
    assert.equal(other.ok && other.value.kind, "other");
  }
});

Deno.test("decodePacket() refuses what is no packet", () => {
  for (
    const bytes of [
      [],
      [0],
      [0, 1, 0],
      [0, 0, 0, 0],
      [0, 7, 0, 0],
      [1, 1, 65, 0],
      [0, 1, 65, 0],
      [0, 1, 0, 111, 0],
      [0, 1, 65, 0, 111],
      [0, 1, ...new Array(600).fill(65), 0, 111, 0],
    ]
  ) assert.ok(!decodePacket(Uint8Array.from(bytes)).ok, String(bytes));
});

Deno.test("what is encoded is what RFC 1350 and RFC 2347 show", () => {
  assert.deepEqual(
    [...encodeData(65_537, Uint8Array.of(7, 8))],
    [0, 3, 0, 1, 7, 8],
  );
  assert.deepEqual(
    new TextDecoder().decode(encodeOptions([["tsize", 70], ["blksize", 8]])),
    "\0\x06tsize\x0070\0blksize\x008\0",
  );
  assert.deepEqual(
    new TextDecoder().decode(encodeError(1, "no")),
    "\0\x05\0\x01no\0",
  );
});
