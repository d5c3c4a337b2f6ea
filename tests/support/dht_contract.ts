import assert from "node:assert/strict";
import type { DhtClient } from "../../lib/net/dht/client.ts";
import type { KadPeer } from "../../lib/net/dht/lookup.ts";
import { eventually, unlimited } from "./dht_nodes.ts";
import type { PublicNode } from "./memory_dht.ts";

/** A DHT to be held to the contract. */
export interface ContractDht {
  /** A node that knows nobody. */
  openNode(): Promise<PublicNode>;
  openClient(): Promise<DhtClient>;
}

const KEY = "/phase/stable/arm64/manifest";

/** Something that the nodes accept under a key. */
export type MakeValue = (node: PublicNode, key: string) => Promise<Uint8Array>;

/**
 * What advertisers and sources rely on, whatever the DHT is made of.
 *
 * @param test registers one test
 */
export function testDhtContract(
  name: string,
  { test, open, makeValue }: {
    readonly test: (name: string, run: () => Promise<void>) => void;
    readonly open: () => ContractDht;
    readonly makeValue: MakeValue;
  },
): void {
  test(
    `${name}: what one node publishes is kept by the others`,
    () => checkKept(open(), makeValue),
  );
  test(
    `${name}: a node without peers reaches nobody`,
    () => checkAlone(open(), makeValue),
  );
  test(
    `${name}: both sides hear of a meeting, until they stop listening`,
    () => checkMeeting(open()),
  );
  test(
    `${name}: who cannot be reached is named as he was`,
    () => checkUnreachable(open()),
  );
}

async function publish(node: PublicNode, makeValue: MakeValue) {
  const value = await makeValue(node, KEY);
  let storedCount = 0;
  const outcome = await node.publish(KEY, value, {
    ttlSeconds: 60,
    onStored: () => storedCount++,
    signal: unlimited,
  });
  return { value, outcome, storedCount };
}

async function meet(node: PublicNode, other: PublicNode): Promise<void> {
  const address = other.addresses()[0] ?? "";
  const joined = await node.join(address, { signal: unlimited });
  assert.ok(joined.ok);
}

async function checkKept(
  dht: ContractDht,
  makeValue: MakeValue,
): Promise<void> {
  await using one = await dht.openNode();
  await using other = await dht.openNode();
  await meet(one, other);
  let published = await publish(one, makeValue);
  await eventually(async () => {
    if (published.outcome.storedAt === 0) {
      published = await publish(one, makeValue);
    }
    return published.outcome.storedAt === 1;
  }, "the other keeps it");
  assert.equal(published.storedCount > 0, true);
  const look = { isOwn: () => true, signal: unlimited };
  assert.equal((await one.lookFromOutside(KEY, look)).kind, "found");

  await using client = await dht.openClient();
  const values: Uint8Array[] = [];
  const providers = new Map<string, KadPeer>();
  const seeds = other.addresses();
  const options = { signal: unlimited };
  for await (const step of client.findValues(KEY, seeds, options)) {
    assert.ok(step.kind === "answer");
    if (step.answer.value) values.push(step.answer.value);
  }
  for await (const step of client.findProviders(KEY, seeds, options)) {
    assert.ok(step.kind === "answer");
    for (const peer of step.answer.providers) providers.set(peer.id, peer);
  }
  assert.ok(values.length >= 1);
  for (const value of values) assert.deepEqual(value, published.value);
  const provider = providers.get(one.peerId);
  assert.ok(provider !== undefined && providers.size === 1);
  assert.deepEqual(await client.fetch(provider, KEY, options), {
    ok: true,
    value: published.value,
  });

  await one.withdraw(KEY);
  assert.deepEqual(await client.fetch(provider, KEY, options), {
    ok: false,
    reason: "it no longer provides it",
  });
}

async function checkAlone(
  dht: ContractDht,
  makeValue: MakeValue,
): Promise<void> {
  await using node = await dht.openNode();
  const { outcome, storedCount } = await publish(node, makeValue);
  assert.deepEqual(outcome, {
    reached: 0,
    storedAt: 0,
    providedAt: 0,
    failures: [],
  });
  assert.equal(storedCount, 0);
}

async function checkMeeting(dht: ContractDht): Promise<void> {
  await using one = await dht.openNode();
  await using other = await dht.openNode();
  const heard: string[] = [];
  one.onPeer(() => heard.push("one"));
  other.onPeer(() => heard.push("other"));
  const stop = other.onPeer(() => heard.push("stopped"));
  stop();
  await meet(one, other);
  await eventually(
    () => ["one", "other"].every((name) => heard.includes(name)),
    "both heard",
  );
  assert.ok(!heard.includes("stopped"));
}

async function checkUnreachable(dht: ContractDht): Promise<void> {
  await using node = await dht.openNode();
  const gone = "/ip4/127.0.0.1/tcp/1";
  const joined = await node.join(gone, { signal: unlimited });
  assert.deepEqual(joined, { ok: false, reason: "connection refused" });
  await using client = await dht.openClient();
  const steps = client.findValues(KEY, [gone], { signal: unlimited });
  assert.deepEqual(await Array.fromAsync(steps), [
    { kind: "failure", at: gone, reason: "connection refused" },
  ]);
}
