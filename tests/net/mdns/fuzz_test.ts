import assert from "node:assert/strict";
import { encodeMessage } from "../../../lib/net/dns/encode_message.ts";
import { DnsType, queryMessage } from "../../../lib/net/dns/message.ts";
import { MdnsLab } from "../../support/mdns_lab.ts";
import { addressRecord, question } from "../../support/mdns_messages.ts";
import { seededRandom } from "../../support/memory_lan.ts";
import {
  below,
  mutatedPacket,
  randomPacket,
} from "../../support/packet_mutation.ts";

const PACKETS = 20_000;
const MANIFEST = "http://10.0.0.1:8080/stable/arm64/manifest.json";
const SERVICE = "_phase-image._tcp.local";

Deno.test(`mDNS survives ${PACKETS} random and mutated packets, quiet and answering`, async () => {
  await using lab = new MdnsLab();
  const random = seededRandom(20_000);
  const lan = lab.lan();
  const { logger } = await lab.provide(lan.host("10.0.0.1"), [
    "stable/arm64",
    "testing/arm64",
  ], { hostName: "fuzz" });
  await lab.clock.advance(2000);
  await lab.find(lan.host("10.0.0.8"), "other/arm64", 1500);
  const templates = [
    ...lan.tapped.map(({ packet }) => packet),
    encodeMessage(queryMessage([
      question(SERVICE, DnsType.ANY, { unicastResponse: true }),
    ], {
      authorities: [addressRecord("phase-fuzz.local", "10.0.0.250")],
      truncated: true,
    })),
  ];
  // A client that listens all along, on which the same packets come down.
  const listening = lab.find(lan.host("10.0.0.9"), "never/arm64", 45_000);
  await lab.clock.advance(100);
  const asker = lan.host("10.0.0.7");
  const findIt = () => lab.findUrls(asker, "stable/arm64", 100);
  const startMs = performance.now();
  for (let i = 0; i < PACKETS; i++) {
    const template = templates[below(random, templates.length)];
    const packet = template === undefined || random() < 0.2
      ? randomPacket(random)
      : mutatedPacket(random, template);
    const from = {
      address: random() < 0.9
        ? `10.0.0.${100 + below(random, 100)}`
        : "192.0.2.1",
      port: random() < 0.8 ? 5353 : 40_000,
    };
    lan.transmit(packet, from, "group");
    lan.tapped.length = 0;
    // Forged conflicts dispute the names; the images are found all the same.
    if (i % 100 === 99) {
      assert.deepEqual(await findIt(), [MANIFEST], `after ${i + 1} packets`);
    }
  }
  const tookMs = performance.now() - startMs;
  assert.ok(tookMs < 60_000, `${tookMs} ms`);
  const findings = await listening;
  assert.ok(findings.length < 2100, `${findings.length} findings`);

  await lab.clock.advance(20_000);
  assert.deepEqual(await findIt(), [MANIFEST]);
  const malformed = logger.lines.filter((line) => line.includes("malformed"));
  assert.ok(
    malformed.length >= 1 && malformed.length <= 3,
    `${malformed.length}`,
  );
  for (const line of logger.lines) assert.match(line, /^[\x20-\x7e]*$/);
});
