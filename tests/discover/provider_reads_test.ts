import assert from "node:assert/strict";
import { ProviderReads } from "../../lib/discover/provider_reads.ts";
import type { KadPeer } from "../../lib/net/dht/lookup.ts";
import { FakeClock } from "../support/fake_clock.ts";

function provider(id: string, host = "192.0.2.7"): KadPeer {
  return { id, multihash: new Uint8Array(), addresses: [`/ip4/${host}/tcp/1`] };
}

function many(name: string, count: number, host?: string): KadPeer[] {
  return Array.from({ length: count }, (_, i) => provider(`${name}${i}`, host));
}

/** Providers that are silent for a time, but for those that answer at once. */
function open(silentMs = 1500, resting: Promise<void> | undefined = undefined) {
  const clock = new FakeClock();
  const asked: string[] = [];
  let open = 0;
  let mostOpen = 0;
  const reads = new ProviderReads({
    async read({ id }) {
      asked.push(id);
      mostOpen = Math.max(mostOpen, ++open);
      if (!id.startsWith("good")) {
        await new Promise<void>((resolve) => clock.setTimer(resolve, silentMs));
      }
      open--;
    },
    resting: () => resting,
    clock,
  });
  return { reads, clock, asked, mostOpen: () => mostOpen };
}

Deno.test("ProviderReads reads from each once", async () => {
  const { reads, asked, clock } = open();
  reads.add([provider("good"), provider("good")], "node");
  reads.add([provider("good")], "other");
  await reads.done();
  assert.deepEqual(asked, ["good"]);
  assert.equal(clock.pending, 0, "no timer is left");
});

Deno.test("ProviderReads asks a bounded number at once, more as they prove slow", async () => {
  const { reads, asked, clock, mostOpen } = open(5000);
  reads.add(many("silent", 300), "node");
  assert.equal(asked.length, 8);
  await clock.advance(250);
  assert.equal(asked.length, 16);
  const ended = reads.done();
  for (let i = 0; i < 60; i++) await clock.advance(500);
  await ended;
  assert.equal(asked.length, 300);
  assert.equal(mostOpen(), 64);
});

Deno.test("ProviderReads lets a node that names thousands delay its own only", async () => {
  const { reads, asked, clock } = open();
  for (let i = 0; i < 20; i++) reads.add(many(`evil${i}-`, 256), "evil");
  reads.add([provider("good", "192.0.2.8")], "honest");
  await clock.advance(250);
  assert.ok(asked.indexOf("good") < 10, asked.join());
});

Deno.test("ProviderReads takes hosts in turn that one node names", async () => {
  const { reads, asked, clock } = open();
  reads.add([...many("silent", 200), provider("good", "192.0.2.8")], "node");
  await clock.advance(250);
  assert.ok(asked.includes("good"));
});

Deno.test("ProviderReads asks nobody while the first candidate is looked at", async () => {
  const rest = Promise.withResolvers<void>();
  const { reads, asked } = open(0, rest.promise);
  reads.add([provider("good")], "node");
  const ended = reads.done();
  await Promise.resolve();
  assert.deepEqual(asked, []);
  rest.resolve();
  await ended;
  assert.deepEqual(asked, ["good"]);
});
