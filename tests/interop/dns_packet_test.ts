import dnsPacket from "dns-packet";
import multicastDns, { type ResponsePacket } from "multicast-dns";
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import dgram from "node:dgram";
import { openMdnsAdvertiser } from "../../lib/advertise/mdns_advertiser.ts";
import { createMdnsSource } from "../../lib/discover/mdns_source.ts";
import { encodeMessage } from "../../lib/net/dns/encode_message.ts";
import { DnsType, responseMessage } from "../../lib/net/dns/message.ts";
import { metaRecord } from "../../lib/net/mdns/service_claim.ts";
import { addressRecord, decoded } from "../support/mdns_messages.ts";
import { MemoryLogger } from "../support/memory_logger.ts";
import { advertisementOf, imageOf } from "../support/sample_images.ts";

// npm:multicast-dns and its codec are strangers here: nothing of ours is in
// them, so what they understand, and what of theirs we understand, is DNS.

const SERVICE = "_phase-image._tcp.local";
const TXT = ["txtvers=1", "channel=stable", "arch=arm64"];

Deno.test("dns-packet reads what we write", () => {
  const packet = encodeMessage(responseMessage([
    metaRecord(SERVICE),
    addressRecord("phase-lab.local", "10.0.0.1"),
    addressRecord("phase-lab.local", "fd77::1"),
    {
      name: `x.${SERVICE}`,
      type: DnsType.SRV,
      ttlSeconds: 120,
      cacheFlush: true,
      service: {
        priority: 1,
        weight: 2,
        port: 8080,
        target: "phase-lab.local",
      },
    },
    {
      name: `x.${SERVICE}`,
      type: DnsType.TXT,
      ttlSeconds: 4500,
      cacheFlush: true,
      strings: TXT.map((text) => new TextEncoder().encode(text)),
    },
    {
      name: "phase-lab.local",
      type: DnsType.NSEC,
      ttlSeconds: 120,
      cacheFlush: true,
      nextName: "phase-lab.local",
      types: [DnsType.A, DnsType.AAAA],
    },
  ]));
  const { flag_aa, type, answers = [] } = dnsPacket.decode(Buffer.from(packet));
  assert.deepEqual([flag_aa, type], [true, "response"]);
  const said = answers.slice(0, 5)
    .map((answer) => "data" in answer ? answer.data : undefined);
  assert.deepEqual(said, [
    SERVICE,
    "10.0.0.1",
    "fd77::1",
    { priority: 1, weight: 2, port: 8080, target: "phase-lab.local" },
    TXT.map((text) => Buffer.from(text)),
  ]);
  const [, , , , , nsec] = answers;
  assert.equal(nsec?.type, "NSEC");
  assert.deepEqual(nsec.data, {
    nextDomain: "phase-lab.local",
    rrtypes: ["A", "AAAA"],
  });
  const flushes = answers.map((answer) => "flush" in answer && answer.flush);
  assert.deepEqual(flushes, [false, true, true, true, true, true]);
});

Deno.test("we read what dns-packet writes", () => {
  const packet = dnsPacket.encode({
    type: "response",
    id: 7,
    answers: [
      { name: SERVICE, type: "PTR", ttl: 4500, data: `x.${SERVICE}` },
      {
        name: `x.${SERVICE}`,
        type: "SRV",
        ttl: 120,
        flush: true,
        data: { port: 8080, target: "lab.local" },
      },
    ],
    additionals: [
      { name: `x.${SERVICE}`, type: "TXT", ttl: 4500, data: TXT },
      { name: "lab.local", type: "AAAA", ttl: 120, data: "fd77::1" },
    ],
  });
  const message = decoded(packet);
  assert.equal(message.id, 7);
  assert.deepEqual(message.answers, [
    {
      name: SERVICE,
      type: DnsType.PTR,
      ttlSeconds: 4500,
      cacheFlush: false,
      target: `x.${SERVICE}`,
    },
    {
      name: `x.${SERVICE}`,
      type: DnsType.SRV,
      ttlSeconds: 120,
      cacheFlush: true,
      service: { priority: 0, weight: 0, port: 8080, target: "lab.local" },
    },
  ]);
  assert.deepEqual(message.additionals, [
    {
      name: `x.${SERVICE}`,
      type: DnsType.TXT,
      ttlSeconds: 4500,
      cacheFlush: false,
      strings: TXT.map((text) => new TextEncoder().encode(text)),
    },
    addressRecord("lab.local", "fd77::1", { cacheFlush: false }),
  ]);
});

/** multicast-dns on a socket of loopback; `port` 0 makes a legacy asker. */
async function stranger(port: number) {
  const socket = dgram.createSocket({ type: "udp4", reuseAddr: port !== 0 });
  await new Promise<void>((resolve) =>
    socket.bind(port, port === 0 ? "127.0.0.1" : "224.0.0.251", resolve)
  );
  socket.setMulticastInterface("127.0.0.1");
  if (port !== 0) socket.addMembership("224.0.0.251", "127.0.0.1");
  const mdns = multicastDns({
    socket,
    bind: false,
    multicast: false,
    port: 5353,
    interface: "127.0.0.1",
  });
  // Whatever else is on loopback may confuse it.
  mdns.on("warning", () => {});
  return {
    mdns,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => mdns.destroy(() => resolve())),
  };
}

Deno.test("multicast-dns asks as a legacy resolver and is answered by our advertiser", async () => {
  const image = `strange${Deno.pid}/arm64`;
  await using advertiser = await openMdnsAdvertiser({
    logger: new MemoryLogger(),
    interfaces: ["lo"],
    hostName: `strange${Deno.pid}`,
    port: 8080,
  });
  const { signal } = new AbortController();
  assert.ok((await advertiser.publish(advertisementOf(image), { signal })).ok);

  await using asker = await stranger(0);
  const answer = await new Promise<ResponsePacket>((resolve) => {
    asker.mdns.on("response", (response) => {
      if (response.id === 4711) resolve(response);
    });
    asker.mdns.query({
      id: 4711,
      questions: [{
        name: `_strange${Deno.pid}-arm64._sub.${SERVICE}`,
        type: "PTR",
      }],
    });
  });

  assert.equal(answer.questions?.length, 1, "the question is echoed");
  const records = [...answer.answers ?? [], ...answer.additionals ?? []];
  for (const record of records) {
    assert.ok("ttl" in record && (record.ttl ?? Infinity) <= 10);
    assert.ok("flush" in record && record.flush === false);
  }
  const txt = records.find((record) => record.type === "TXT");
  assert.ok(txt !== undefined && "data" in txt && Array.isArray(txt.data));
  assert.ok(
    txt.data.map(String).includes(
      `manifest=http://127.0.0.1:8080/${image}/manifest.json`,
    ),
  );
});

Deno.test("our source finds what a responder built on multicast-dns answers", async () => {
  const channel = `naive${Deno.pid}`;
  const instance = `My images, ${Deno.pid}.${SERVICE}`;
  await using responder = await stranger(5353);
  responder.mdns.on("query", ({ questions = [] }) => {
    const asked = `_${channel}-arm64._sub.${SERVICE}`;
    if (!questions.some((q) => q.name === asked)) return;
    responder.mdns.respond({
      answers: [
        { name: asked, type: "PTR", ttl: 4500, data: instance },
        {
          name: instance,
          type: "SRV",
          ttl: 120,
          data: { port: 80, target: "naive.local" },
        },
        {
          name: instance,
          type: "TXT",
          ttl: 4500,
          data: [
            `channel=${channel}`,
            "arch=arm64",
            "manifest=http://127.0.0.1:81/m.json",
          ],
        },
      ],
    });
  });
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), 5000);
  const source = createMdnsSource({ interfaces: ["lo"] });
  let url: string | undefined;
  const options = { signal: stop.signal };
  for await (
    const finding of source.find(imageOf(`${channel}/arm64`), options)
  ) {
    if (finding.kind !== "candidate") continue;
    url = finding.candidate.manifestUrl.href;
    break;
  }
  clearTimeout(timer);
  assert.equal(url, "http://127.0.0.1:81/m.json");
});
