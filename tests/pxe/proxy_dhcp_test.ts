import assert from "node:assert/strict";
import { type Offer, type OfferDecision } from "../../lib/pxe/offer.ts";
import { ProxyDhcp, type ProxyDhcpOptions } from "../../lib/pxe/proxy_dhcp.ts";
import {
  bootPacket,
  MAC,
  readAnswer,
  type RequestOptions,
} from "../support/dhcp_requests.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { endpointText, MemoryDhcpNetwork } from "../support/memory_dhcp.ts";
import { MemoryLogger } from "../support/memory_logger.ts";
import { seededRandom } from "../support/memory_lan.ts";
import { mutatedPacket, randomPacket } from "../support/packet_mutation.ts";

const E0 = {
  interfaceName: "e0",
  address: "10.0.0.1",
  baseUrl: "http://10.0.0.1:8080",
};
const E1 = {
  interfaceName: "e1",
  address: "10.0.1.1",
  baseUrl: "http://10.0.1.1:8080",
};
const LOADER: Offer = { transport: "TFTP", file: "snponly.efi", isBios: false };
const SCRIPT: Offer = { transport: "HTTP", file: "/boot.ipxe", isBios: false };

async function opened(
  decision: OfferDecision,
  options: Partial<ProxyDhcpOptions> = {},
) {
  const network = new MemoryDhcpNetwork();
  const clock = new FakeClock();
  const logger = new MemoryLogger();
  const told: [string, OfferDecision][] = [];
  const proxy = await ProxyDhcp.open({
    network,
    relays: false,
    decide: () => decision,
    onDecision: ({ mac }, decision) => told.push([mac, decision]),
    defaultRoute: () => Promise.resolve("10.0.0.1"),
    clock,
    logger,
    ...options,
  });
  assert.ok(proxy.ok);
  return {
    network,
    clock,
    logger,
    told,
    proxy: proxy.value,
    /** What was sent since the last time, as `10.0.0.1:67 -> ...: file`. */
    async sent() {
      await clock.advance(0);
      return network.sent.splice(0).map(({ packet, from, to }) => {
        const { type, file, server, identifier, xid } = readAnswer(packet);
        assert.deepEqual([server, identifier], [from.address, from.address]);
        return `${endpointText(from)} > ${
          endpointText(to)
        } ${xid} ${type} ${file}`;
      });
    },
  };
}

Deno.test("a DISCOVER is answered on every link, by that link's own address", async () => {
  const { network, proxy, told, sent } = await opened({ offer: SCRIPT });
  await proxy.useLinks([E0, E1]);
  network.broadcast(bootPacket({ xid: 5 }));
  assert.deepEqual(await sent(), [
    "10.0.0.1:67 > 255.255.255.255:68 5 OFFER http://10.0.0.1:8080/boot.ipxe",
    "10.0.1.1:67 > 255.255.255.255:68 5 OFFER http://10.0.1.1:8080/boot.ipxe",
  ]);
  assert.deepEqual(told, [[MAC, { offer: SCRIPT }]]);
  await proxy[Symbol.asyncDispose]();
  assert.deepEqual(network.openEndpoints, []);
});

Deno.test("only port 67 of all links and port 4011 of each stay open", async () => {
  const { network, proxy } = await opened({ offer: LOADER });
  await proxy.useLinks([E0, E1]);
  const broadcasts = "255.255.255.255:67";
  assert.deepEqual(
    network.openEndpoints,
    ["10.0.0.1:4011", "10.0.1.1:4011", broadcasts],
  );
  await proxy.useLinks([E1]);
  assert.deepEqual(network.openEndpoints, ["10.0.1.1:4011", broadcasts]);
  await proxy[Symbol.asyncDispose]();
});

Deno.test("a REQUEST at port 4011 is answered to where it came from, and none at 67", async () => {
  const { network, proxy, sent } = await opened({ offer: LOADER });
  await proxy.useLinks([E0]);
  const request = bootPacket({ type: "REQUEST", xid: 6 });
  const from = { address: "10.0.0.77", port: 4011 };
  network.deliver(request, { address: "10.0.0.1", port: 4011 }, from);
  assert.deepEqual(await sent(), [
    "10.0.0.1:4011 > 10.0.0.77:4011 6 ACK snponly.efi",
  ]);
  network.broadcast(request);
  network.deliver(bootPacket(), { address: "10.0.0.1", port: 4011 }, from);
  assert.deepEqual(await sent(), []);
  await proxy[Symbol.asyncDispose]();
});

Deno.test("not a packet for clients that do not boot, and for decisions without an offer", async () => {
  const { network, proxy, told, sent } = await opened({ what: "nothing" });
  await proxy.useLinks([E0]);
  const others: RequestOptions[] = [
    { vendorClass: "udhcp 1.36" },
    { without: [93] },
    { type: "REQUEST" },
    { type: "OFFER" },
    { without: [53] },
  ];
  for (const options of others) network.broadcast(bootPacket(options));
  assert.deepEqual(told, []);
  network.broadcast(bootPacket());
  assert.equal(told.length, 1);
  assert.deepEqual(await sent(), []);
  assert.deepEqual(network.opened.get("10.0.0.1:67"), undefined);
  await proxy[Symbol.asyncDispose]();
});

Deno.test("relays are answered where that is asked for, from the port that they asked", async () => {
  const decision = { offer: LOADER };
  const { network, proxy, sent } = await opened(decision, { relays: true });
  await proxy.useLinks([E0, E1]);
  const relayed = bootPacket({ relay: "10.9.0.1", xid: 8 });
  network.deliver(relayed, { address: "10.0.1.1", port: 67 });
  assert.deepEqual(await sent(), [
    "10.0.1.1:67 > 10.9.0.1:67 8 OFFER snponly.efi",
  ]);
  // An offer on the link goes by the same socket: another would take from it.
  network.broadcast(bootPacket({ xid: 9 }));
  assert.equal((await sent()).length, 2);
  assert.equal(network.opened.get("10.0.0.1:67"), 1);
  await proxy[Symbol.asyncDispose]();
});

Deno.test("without that, unicasts to the port are left to others", async () => {
  const { network, proxy, sent } = await opened({ offer: LOADER });
  await proxy.useLinks([E0]);
  const relayed = bootPacket({ relay: "10.9.0.1" });
  network.deliver(relayed, { address: "10.0.0.1", port: 67 });
  assert.deepEqual(await sent(), []);
  await proxy[Symbol.asyncDispose]();
});

Deno.test("beside a server that shares nothing the default route's link is answered", async () => {
  const { network, proxy, logger, sent, clock } = await opened({
    offer: LOADER,
  });
  await proxy.useLinks([E0, E1]);
  for (const address of ["10.0.0.1", "10.0.1.1"]) {
    const taken = { kind: "taken", message: "taken" } as const;
    network.refusals.set(`${address}:67`, taken);
  }
  network.broadcast(bootPacket());
  await clock.advance(100);
  assert.deepEqual(
    network.sent.splice(0).map(({ from }) => endpointText(from)),
    ["255.255.255.255:67"],
  );
  const warnings = () => logger.lines.filter((line) => /WARN/.test(line));
  assert.equal(warnings().length, 1);
  assert.match(warnings()[0] ?? "", /e1 10\.0\.1\.1/);
  network.broadcast(bootPacket());
  await clock.advance(100);
  assert.equal(warnings().length, 1, "said once");
  network.refusals.clear();
  network.sent.length = 0;
  network.broadcast(bootPacket());
  assert.equal((await sent()).length, 2);
  await proxy[Symbol.asyncDispose]();
});

Deno.test("trouble that comes and goes is said once a minute", async () => {
  const { network, proxy, logger, clock } = await opened({ offer: LOADER });
  await proxy.useLinks([E0]);
  const gone = { kind: "gone", message: "address is gone" } as const;
  for (let i = 0; i < 100; i++) {
    network.refusals.set("10.0.0.1:67", gone);
    network.broadcast(bootPacket({ mac: `52:54:00:00:01:${10 + i % 80}` }));
    await clock.advance(500);
    network.refusals.clear();
    network.broadcast(bootPacket({ mac: `52:54:00:00:02:${10 + i % 80}` }));
    await clock.advance(500);
  }
  assert.equal(logger.lines.length, 2);
  await proxy[Symbol.asyncDispose]();
});

Deno.test("port 4011 is tried again with each look, and its lack is said once", async () => {
  const { network, proxy, logger } = await opened({ offer: LOADER });
  const taken = { kind: "taken", message: "another program has it" } as const;
  network.refusals.set("10.0.0.1:4011", taken);
  await proxy.useLinks([E0]);
  await proxy.useLinks([E0]);
  assert.deepEqual(logger.lines, [
    "WARN UEFI firmware cannot fetch its PXE offer on e0 10.0.0.1: UDP port 4011: another program has it",
  ]);
  network.refusals.clear();
  await proxy.useLinks([E0]);
  assert.ok(network.openEndpoints.includes("10.0.0.1:4011"));
  await proxy[Symbol.asyncDispose]();
});

Deno.test("the trouble with port 67 itself is the caller's", async () => {
  const network = new MemoryDhcpNetwork();
  const refusal = { kind: "forbidden", message: "not permitted" } as const;
  network.refusals.set("255.255.255.255:67", refusal);
  const proxy = await ProxyDhcp.open({
    network,
    relays: false,
    decide: () => ({}),
    onDecision: () => {},
    defaultRoute: () => Promise.resolve(undefined),
    clock: new FakeClock(),
    logger: new MemoryLogger(),
  });
  assert.deepEqual(proxy, { ok: false, reason: refusal });
});

Deno.test("a URL that no packet holds is said once", async () => {
  const { network, proxy, logger, sent } = await opened({ offer: SCRIPT });
  const baseUrl = `http://${"a".repeat(400)}`;
  await proxy.useLinks([{ ...E0, baseUrl }]);
  network.broadcast(bootPacket());
  network.broadcast(bootPacket());
  assert.deepEqual(await sent(), []);
  assert.equal(logger.lines.length, 1);
  await proxy[Symbol.asyncDispose]();
});

Deno.test("20,000 mutated packets: quiet, no more answers than machines are worth, and then an answer", async () => {
  const { network, proxy, clock, logger, sent } = await opened({
    offer: SCRIPT,
  });
  await proxy.useLinks([E0]);
  const random = seededRandom(93);
  const templates = [
    bootPacket({ uuid: new Uint8Array(16).fill(3) }),
    bootPacket({ isIpxe: true, relay: "10.0.0.9" }),
    bootPacket({ type: "REQUEST" }),
  ];
  for (let i = 0; i < 20_000; i++) {
    const template = templates[i % 4];
    const packet = template === undefined
      ? randomPacket(random)
      : mutatedPacket(random, template);
    network.broadcast(packet);
    const at = { address: "10.0.0.1", port: 4011 };
    network.deliver(packet, at, { address: "10.0.0.50", port: 4011 });
  }
  await clock.advance(2000);
  assert.ok(network.sent.length <= 1000, `${network.sent.length} answers`);
  assert.ok(network.sent.every(({ packet }) => packet.length <= 548));
  assert.deepEqual(logger.lines, []);
  network.sent.length = 0;
  network.broadcast(bootPacket());
  assert.equal((await sent()).length, 1);
  await proxy[Symbol.asyncDispose]();
});
