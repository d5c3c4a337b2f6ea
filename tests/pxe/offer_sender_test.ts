import assert from "node:assert/strict";
import { ok } from "../../lib/core/result.ts";
import type { SocketTrouble } from "../../lib/net/dhcp/network.ts";
import { OfferSender } from "../../lib/pxe/offer_sender.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { MemoryDhcpNetwork } from "../support/memory_dhcp.ts";

const TO = { address: "255.255.255.255", port: 68 };
const AT = "10.0.0.1:67";

function opened() {
  const network = new MemoryDhcpNetwork();
  const clock = new FakeClock();
  const outcomes: (SocketTrouble | undefined)[] = [];
  const byRoute: Uint8Array[] = [];
  const sender = new OfferSender({
    network,
    address: "10.0.0.1",
    byDefaultRoute(packet) {
      byRoute.push(packet);
      return Promise.resolve(ok(undefined));
    },
    onSent: (trouble) => outcomes.push(trouble),
    clock,
  });
  return { network, clock, outcomes, byRoute, sender };
}

Deno.test("the port is held only while something is sent, for all of it once", async () => {
  const { network, clock, outcomes, sender } = opened();
  sender.send(Uint8Array.of(1), TO);
  sender.send(Uint8Array.of(2), TO);
  await clock.advance(0);
  assert.deepEqual(network.openEndpoints, []);
  assert.equal(network.opened.get(AT), 1);
  assert.deepEqual(network.sent.map(({ packet }) => [...packet]), [[1], [2]]);
  assert.deepEqual(network.sent[0]?.from, { address: "10.0.0.1", port: 67 });
  assert.deepEqual(outcomes, [undefined]);
  await sender[Symbol.asyncDispose]();
});

Deno.test("what comes in a crowd goes in batches", async () => {
  const { network, clock, sender } = opened();
  for (let i = 0; i < 200; i++) {
    sender.send(Uint8Array.of(i), TO);
    await clock.advance(5);
  }
  await clock.advance(100);
  assert.equal(network.sent.length, 200);
  const times = network.opened.get(AT) ?? 0;
  assert.ok(times <= 21, `${times} sockets in a second`);
  await sender[Symbol.asyncDispose]();
});

Deno.test("where another program has the port, the default route stands in", async () => {
  const { network, clock, outcomes, byRoute, sender } = opened();
  network.refusals.set(AT, { kind: "taken", message: "taken" });
  sender.send(Uint8Array.of(1), TO);
  await clock.advance(0);
  assert.deepEqual(byRoute, [Uint8Array.of(1)]);
  assert.deepEqual(outcomes, [undefined]);
  await sender[Symbol.asyncDispose]();
});

Deno.test("other trouble is told, and the next batch tries again", async () => {
  const { network, clock, outcomes, byRoute, sender } = opened();
  const gone: SocketTrouble = { kind: "gone", message: "address is gone" };
  network.refusals.set(AT, gone);
  sender.send(Uint8Array.of(1), TO);
  await clock.advance(100);
  network.refusals.clear();
  sender.send(Uint8Array.of(2), TO);
  await clock.advance(100);
  assert.deepEqual(outcomes, [gone, undefined]);
  assert.equal(byRoute.length, 0);
  assert.deepEqual(network.sent.map(({ packet }) => [...packet]), [[2]]);
  await sender[Symbol.asyncDispose]();
});

Deno.test("what waits is bounded, and dropped at the end", async () => {
  const { network, clock, sender } = opened();
  for (let i = 0; i < 5000; i++) sender.send(Uint8Array.of(1), TO);
  await clock.advance(0);
  assert.equal(network.sent.length, 2000);
  sender.send(Uint8Array.of(2), TO);
  await sender[Symbol.asyncDispose]();
  sender.send(Uint8Array.of(3), TO);
  await clock.advance(1000);
  assert.equal(network.sent.length, 2000);
});
