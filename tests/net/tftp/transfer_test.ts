import assert from "node:assert/strict";
import { encodeError } from "../../../lib/net/tftp/packet.ts";
import { Transfer, transferTerms } from "../../../lib/net/tftp/transfer.ts";
import { seededRandom } from "../../support/memory_lan.ts";
import {
  below,
  mutatedPacket,
  randomPacket,
} from "../../support/packet_mutation.ts";
import { tftpAcknowledgement as ack } from "../../support/tftp_client.ts";

function open(sizeBytes: number, asked: Readonly<Record<string, string>> = {}) {
  const content = new Uint8Array(sizeBytes);
  for (let i = 0; i < sizeBytes; i++) content[i] = i % 251;
  const terms = transferTerms(new Map(Object.entries(asked)), sizeBytes);
  return { content, terms, transfer: new Transfer(content, terms) };
}

/** The numbers of the blocks in packets of data. */
function blocks(packets: readonly Uint8Array[]): number[] {
  return packets.map((packet) => {
    assert.equal(packet[1], 3, "data");
    return (packet[2] ?? 0) * 256 + (packet[3] ?? 0);
  });
}

/** Takes all as a client that loses nothing. */
function take({ transfer }: ReturnType<typeof open>, window = 1): Uint8Array {
  const taken: Uint8Array[] = [];
  let block = 0;
  let packets = transfer.start(0);
  if (packets[0]?.[1] === 6) packets = transfer.receive(ack(0), 0);
  while (packets.length > 0) {
    assert.ok(packets.length <= window);
    for (const packet of packets) {
      block++;
      assert.deepEqual(blocks([packet]), [block & 0xffff]);
      taken.push(packet.subarray(4));
    }
    packets = transfer.receive(ack(block & 0xffff), 0);
  }
  assert.equal(transfer.state, "sent");
  return new Uint8Array(taken.flatMap((part) => [...part]));
}

Deno.test("Transfer sends a file in blocks, the last of them short", () => {
  for (const size of [0, 1, 511, 512, 513, 5000]) {
    const opened = open(size);
    assert.deepEqual(take(opened), opened.content, `${size} bytes`);
  }
});

Deno.test("Transfer sends in windows of blocks as large as was agreed", () => {
  const opened = open(100_000, { blksize: "1468", windowsize: "4" });
  assert.deepEqual(take(opened, 4), opened.content);
});

Deno.test("Transfer counts blocks on after 65535", () => {
  const opened = open(8 * 65_540, { blksize: "8", windowsize: "16" });
  assert.equal(take(opened, 16).length, opened.content.length);
});

Deno.test("transferTerms() takes what it knows, and no more than it can", () => {
  const terms = (asked: Readonly<Record<string, string>>) =>
    open(70_000, asked).terms;
  assert.deepEqual(terms({}), {
    blockBytes: 512,
    window: 1,
    timeoutMs: 1000,
    accepted: [],
  });
  assert.deepEqual(
    terms({
      tsize: "0",
      blksize: "65464",
      timeout: "3",
      windowsize: "65535",
      multicast: "",
    }),
    {
      blockBytes: 1468,
      window: 32,
      timeoutMs: 3000,
      accepted: [
        ["blksize", 1468],
        ["windowsize", 32],
        ["timeout", 3],
        ["tsize", 70_000],
      ],
    },
  );
  for (
    const wrong of [
      { blksize: "7" },
      { blksize: "65465" },
      { blksize: "1e3" },
      { blksize: "" },
      { windowsize: "0" },
      { windowsize: "-1" },
      { timeout: "0" },
      { timeout: "255" },
    ]
  ) assert.deepEqual(terms(wrong).accepted, [], JSON.stringify(wrong));
});

Deno.test("Transfer repeats after 1, 2 and 4 s, then gives up", () => {
  const { transfer } = open(2000);
  assert.deepEqual(blocks(transfer.start(0)), [1]);
  const seen: number[] = [];
  for (let nowMs = 0; transfer.state === "running"; nowMs += 100) {
    if (transfer.tick(nowMs).length > 0) seen.push(nowMs);
    assert.ok(nowMs < 60_000);
  }
  assert.deepEqual(seen, [1000, 3000, 7000]);
  assert.equal(transfer.state, "lost");
  assert.deepEqual(transfer.receive(ack(1), 60_000), [], "it is over");
});

Deno.test("Transfer begins to count anew when something came", () => {
  const { transfer } = open(2000);
  transfer.start(0);
  transfer.tick(1000);
  assert.deepEqual(blocks(transfer.receive(ack(1), 1500)), [2]);
  assert.deepEqual(transfer.tick(2400), []);
  const repeatedMs = [];
  for (let nowMs = 2500; transfer.state === "running"; nowMs += 500) {
    if (transfer.tick(nowMs).length > 0) repeatedMs.push(nowMs);
  }
  assert.deepEqual(repeatedMs, [2500, 4500, 8500]);
});

Deno.test("Transfer sends no block twice for an acknowledgement that came twice", () => {
  const { transfer } = open(2000);
  transfer.start(0);
  assert.deepEqual(blocks(transfer.receive(ack(1), 1)), [2]);
  assert.deepEqual(transfer.receive(ack(1), 2), []);
  assert.deepEqual(transfer.receive(ack(0), 2), []);
  assert.deepEqual(transfer.receive(ack(3), 2), [], "of the future");
  assert.deepEqual(blocks(transfer.receive(ack(2), 3)), [3]);
});

Deno.test("Transfer goes on from where a window was cut", () => {
  const { transfer } = open(512 * 10, { windowsize: "4" });
  transfer.start(0);
  assert.deepEqual(blocks(transfer.receive(ack(0), 0)), [1, 2, 3, 4]);
  assert.deepEqual(blocks(transfer.receive(ack(2), 1)), [3, 4, 5, 6]);
  // Block 3 is missing, and the client says so for each that follows.
  assert.deepEqual(blocks(transfer.receive(ack(2), 2)), [3, 4, 5, 6]);
  assert.deepEqual(transfer.receive(ack(2), 3), []);
  assert.deepEqual(transfer.receive(ack(2), 4), []);
  assert.deepEqual(blocks(transfer.receive(ack(2), 300)), [3, 4, 5, 6]);
});

Deno.test("Transfer ends when the client breaks off, as OVMF does once it has the size", () => {
  const { transfer } = open(2000, { tsize: "0" });
  assert.equal(
    new TextDecoder().decode(transfer.start(0)[0]),
    "\0\x06tsize\x002000\0",
  );
  assert.deepEqual(transfer.receive(encodeError(8, "User aborted"), 1), []);
  assert.equal(transfer.state, "aborted");
  assert.deepEqual(transfer.tick(10_000), []);
});

Deno.test("Transfer is not ended or led on by packets without meaning", () => {
  const random = seededRandom(1350);
  const opened = open(512 * 40, { windowsize: "4" });
  const { transfer, content } = opened;
  let packets = transfer.start(0);
  packets = transfer.receive(ack(0), 0);
  const taken: Uint8Array[] = [];
  for (let block = 0; packets.length > 0;) {
    for (const packet of packets) {
      block++;
      assert.deepEqual(blocks([packet]), [block]);
      taken.push(packet.subarray(4));
      for (let i = 0; i < 50; i++) {
        const noise = random() < 0.5
          ? randomPacket(random)
          : mutatedPacket(random, Uint8Array.of(0, 3, 0, below(random, 256)));
        // What does mean something is for the tests above.
        if (noise[0] === 0 && (noise[1] === 4 || noise[1] === 5)) continue;
        assert.deepEqual(transfer.receive(noise, 1), []);
      }
    }
    packets = transfer.receive(ack(block), 1);
  }
  assert.equal(transfer.state, "sent");
  assert.deepEqual(new Uint8Array(taken.flatMap((part) => [...part])), content);
});
