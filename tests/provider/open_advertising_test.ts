import { RequestTally } from "../../lib/net/dht/request_tally.ts";
import assert from "node:assert/strict";
import type { MdnsAdvertiser } from "../../lib/advertise/mdns_advertiser.ts";
import type { ServingNode } from "../../lib/net/dht/node.ts";
import type { HttpServer } from "../../lib/net/http1/server.ts";
import {
  type LoadDht,
  openAdvertising,
  openLan,
} from "../../lib/provider/open_advertising.ts";
import * as dhtParts from "../../lib/provider/open_dht.ts";
import { unlimited } from "../support/dht_nodes.ts";
import { decoded } from "../support/mdns_messages.ts";
import { MdnsLab } from "../support/mdns_lab.ts";
import { MemoryDht } from "../support/memory_dht.ts";
import { MEMORY_CONFIG, memoryMachine } from "../support/provider_machine.ts";

const HTTP: HttpServer = {
  hostname: "127.0.0.1",
  port: 8080,
  [Symbol.asyncDispose]: () => Promise.resolve(),
};

/** A node that nobody else knows. */
async function openNode(): Promise<ServingNode> {
  const node = await new MemoryDht().openNode();
  return {
    ...node,
    peerCount: () => 7,
    port: () => 4001,
    clockLead: () => Promise.resolve(undefined),
    peers: () => [],
    requestCounts: new RequestTally(),
    sentCounts: new RequestTally(),
    copiedAt: () => undefined,
    connections: () => [],
  };
}

/** Opens on a LAN and a DHT in memory. */
async function openInMemory(
  lab: MdnsLab,
  {
    mdns = true,
    dht = true,
    network = "private",
    advertiser,
    load = () =>
      Promise.resolve({
        ...dhtParts,
        openDht: () => openNode(),
        meetNeighbours: () => Promise.resolve(),
      }),
  }: {
    readonly mdns?: boolean;
    readonly dht?: boolean;
    readonly network?: string;
    readonly advertiser?: MdnsAdvertiser;
    readonly load?: LoadDht;
  },
) {
  const host = lab.lan().host("10.0.0.1");
  const ofLan = mdns
    ? advertiser ?? (await lab.provide(host, [])).advertiser
    : undefined;
  return await openAdvertising(
    {
      ...MEMORY_CONFIG,
      mdns: { ...MEMORY_CONFIG.mdns, enabled: mdns },
      dht: { ...MEMORY_CONFIG.dht, enabled: dht, network },
    },
    { ...memoryMachine(), clock: lab.clock },
    {
      http: HTTP,
      lan: {
        network: host,
        mdns: ofLan,
        [Symbol.asyncDispose]: async () => await ofLan?.[Symbol.asyncDispose](),
      },
      load,
      signal: unlimited,
    },
  );
}

Deno.test("openAdvertising() opens what is asked for, and closes it", async () => {
  for (
    const [mdns, dht, names] of [
      [true, true, ["mDNS", "DHT"]],
      [true, false, ["mDNS"]],
      [false, true, ["DHT"]],
      [false, false, []],
    ] as const
  ) {
    const lab = new MdnsLab();
    {
      await using advertising = await openInMemory(lab, { mdns, dht });
      const { advertisers, discovery } = advertising;
      assert.deepEqual(advertisers.map(({ name }) => name), names);
      assert.equal(discovery.mdns !== undefined, mdns);
      assert.equal(discovery.dht !== undefined, dht);
      assert.equal(discovery.node?.peerCount(), dht ? 7 : undefined);
    }
    assert.equal(lab.clock.pending, 0, `${names} left a timer`);
  }
});

Deno.test("openAdvertising() says goodbye by mDNS when it cannot advertise in the DHT", async () => {
  const lab = new MdnsLab();
  const lan = lab.lan();
  const host = lan.host("10.0.0.1");
  const { advertiser } = await lab.provide(host, ["stable/arm64"]);
  await lab.clock.advance(10_000);
  const sentBefore = lan.tapped.length;
  const opening = openInMemory(lab, {
    advertiser,
    load: () =>
      Promise.resolve({
        ...dhtParts,
        openDht: () => openNode(),
        advertiseInDht() {
          throw new Error("no DHT today");
        },
      }),
  });
  let isOver = false;
  const refused = assert.rejects(opening, /no DHT today/)
    .finally(() => isOver = true);
  while (!isOver) await lab.clock.advance(100);
  await refused;
  assert.ok(lan.tapped.length > sentBefore, "no goodbye was sent");
  assert.equal(host.sockets.size, 0);
  assert.equal(lab.clock.pending, 0);
});

Deno.test("openAdvertising() leads no node of the LAN into the public DHT", async () => {
  for (const network of ["private", "amino"]) {
    const lab = new MdnsLab();
    let meetings = 0;
    await using _advertising = await openInMemory(lab, {
      network,
      load: () =>
        Promise.resolve({
          ...dhtParts,
          openDht: () => openNode(),
          meetNeighbours: () => {
            meetings++;
            return Promise.resolve();
          },
        }),
    });
    assert.equal(meetings, network === "private" ? 1 : 0, network);
  }
});

Deno.test("openLan() probes at once for the images that were served before", async () => {
  const lab = new MdnsLab();
  const lan = lab.lan();
  const machine = { ...memoryMachine(), clock: lab.clock };
  machine.fileSystem.file("/state/manifests/stable/arm64.json", "{}");
  const config = { ...MEMORY_CONFIG, bind: undefined };
  const node = () => undefined;
  const network = lan.host("127.0.0.1");
  for (const enabled of [false, true]) {
    const mdns = { ...config.mdns, enabled };
    const { [Symbol.asyncDispose]: end } = await openLan(
      { ...config, mdns },
      machine,
      { http: HTTP, network, node },
    );
    await lab.clock.advance(1000);
    const asked = lan.tapped.flatMap(({ packet }) =>
      decoded(packet).questions.map(({ name }) => name)
    );
    const names = [
      "phase-box.local",
      "phase-stable-arm64-box._phase-image._tcp.local",
    ];
    const probes = enabled ? [...names, ...names, ...names] : [];
    assert.deepEqual(asked, probes);
    const ended = end();
    await lab.clock.advance(500);
    await ended;
  }
  assert.equal(lab.clock.pending, 0);
});
