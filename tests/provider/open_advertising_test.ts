import { RequestTally } from "../../lib/net/dht/request_tally.ts";
import assert from "node:assert/strict";
import type { ServingNode } from "../../lib/net/dht/node.ts";
import type { HttpServer } from "../../lib/net/http1/server.ts";
import {
  type AdvertisingOpeners,
  openAdvertising,
} from "../../lib/provider/open_advertising.ts";
import * as dhtParts from "../../lib/provider/open_dht.ts";
import { unlimited } from "../support/dht_nodes.ts";
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
  { mdns = true, dht = true, network = "private", ...openers }:
    & Partial<AdvertisingOpeners>
    & {
      readonly mdns?: boolean;
      readonly dht?: boolean;
      readonly network?: string;
    },
) {
  return await openAdvertising(
    {
      ...MEMORY_CONFIG,
      mdns: { ...MEMORY_CONFIG.mdns, enabled: mdns },
      dht: { ...MEMORY_CONFIG.dht, enabled: dht, network },
    },
    { ...memoryMachine(), clock: lab.clock },
    {
      http: HTTP,
      openers: {
        openMdns: async () => {
          const host = lab.lan().host("10.0.0.1");
          return (await lab.provide(host, [])).advertiser;
        },
        loadDht: () =>
          Promise.resolve({
            ...dhtParts,
            openDht: () => openNode(),
            meetNeighbours: () => Promise.resolve(),
          }),
        ...openers,
      },
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
  let sentBefore = 0;
  const opening = openInMemory(lab, {
    openMdns: async () => {
      const { advertiser } = await lab.provide(host, ["stable/arm64"]);
      await lab.clock.advance(10_000);
      sentBefore = lan.tapped.length;
      return advertiser;
    },
    loadDht: () =>
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
      loadDht: () =>
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
