/**
 * Why there is a look-up besides kad-dht's own. Each test shows a record that
 * `dht.get` does not find; when one fails because kad-dht finds it now, that
 * reason is gone, and with the last of them lib/net/dht/lookup.ts can go.
 */
import assert from "node:assert/strict";
import { systemClock as clock } from "../../../lib/core/clock.ts";
import { DEFAULT_DHT_PROTOCOL } from "../../../lib/core/dht_protocol.ts";
import { refuse } from "../../../lib/core/result.ts";
import { openDhtClient } from "../../../lib/net/dht/client.ts";
import { createIdentity } from "../../../lib/net/dht/identity.ts";
import type { DhtNode } from "../../../lib/net/dht/node.ts";
import { bootRecordKey } from "../../../lib/wire/boot_record.ts";
import { createBootRecordPolicy } from "../../../lib/wire/boot_record_policy.ts";
import { signedRecord } from "../../support/boot_records.ts";
import {
  eventually,
  libp2pTest,
  openTestNode,
  unlimited,
} from "../../support/dht_nodes.ts";
import { encodeAnswer } from "../../support/kad_answers.ts";
import { openCraftedPeer, openKadClient } from "../../support/kad_peers.ts";

const IMAGE = { channel: "stable", arch: "arm64" };
const KEY = bootRecordKey(IMAGE);
const policy = createBootRecordPolicy({ clock });
/** Nothing in the background that could make up for a query's failure. */
const QUERY_ONLY = {
  allowQueryWithZeroPeers: true,
  initialQuerySelfInterval: 3600_000,
};

const [provider, otherProvider] = [
  await createIdentity(),
  await createIdentity(),
];

function record(by = provider, ageMs = 0): Promise<Uint8Array> {
  return signedRecord(IMAGE, by, { lastUpdatedMs: clock.now() - ageMs });
}

async function publish(node: DhtNode, value: Uint8Array): Promise<void> {
  await node.publish(KEY, value, { ttlSeconds: 3600, signal: unlimited });
}

/** The values that our own look-up finds through a node. */
async function findValues(address: string): Promise<Uint8Array[]> {
  await using client = await openDhtClient({
    protocol: DEFAULT_DHT_PROTOCOL,
    clock,
    signal: unlimited,
  });
  const values: Uint8Array[] = [];
  const steps = client.findValues(KEY, [address], { signal: unlimited });
  for await (const step of steps) {
    if (step.kind === "answer" && step.answer.value) {
      values.push(step.answer.value);
    }
  }
  return values;
}

/**
 * Whether kad-dht does not find the record through a node. On a busy machine
 * its routing table may learn of the other node first, by a refresh at its
 * start; that is no answer to the question, so it is asked again.
 */
async function missesRecord(through: DhtNode): Promise<boolean> {
  for (let i = 0; i < 3; i++) {
    await using kadClient = await openKadClient(
      through.addresses(),
      policy,
      QUERY_ONLY,
    );
    if ((await kadClient.get(KEY)).length === 0) return true;
  }
  return false;
}

function firstAddress(node: DhtNode): string {
  return node.addresses()[0] ?? "";
}

libp2pTest(
  "kad-dht does not ask a node farther from the key than who names it",
  async () => {
    const hash = async (bytes: Uint8Array) =>
      new Uint8Array(
        await crypto.subtle.digest("SHA-256", new Uint8Array(bytes)),
      );
    const target = await hash(new TextEncoder().encode(KEY));
    const identities = await Promise.all(
      [await createIdentity(), await createIdentity()].map(async (
        identity,
      ) => ({
        identity,
        distance:
          (await hash(identity.privateKey.publicKey.toMultihash().bytes))
            .map((byte, i) => byte ^ (target[i] ?? 0)).toHex(),
      })),
    );
    const [near, far] = identities.toSorted((a, b) =>
      a.distance < b.distance ? -1 : 1
    );
    assert.ok(near && far);
    await using nearNode = await openTestNode({ identity: near.identity });
    await using farNode = await openTestNode({
      identity: far.identity,
      bootstrap: nearNode.addresses(),
    });
    await eventually(() => nearNode.peerCount() === 1, "they know each other");
    const value = await record();
    await keepAt(farNode, value);

    assert.ok(await missesRecord(nearNode));
    assert.deepEqual(await findValues(firstAddress(nearNode)), [value]);
  },
);

libp2pTest(
  "kad-dht follows nobody who is named along with a forged record",
  async () => {
    await using honest = await openTestNode();
    const value = await record();
    await publish(honest, value);
    await using forger = await openTestNode({
      bootstrap: honest.addresses(),
      policy: {
        ...createBootRecordPolicy({ clock }),
        expiresMs: () => Infinity,
      },
    });
    await eventually(() => forger.peerCount() === 1, "they know each other");
    await keepAt(forger, new TextEncoder().encode("forged"));

    assert.ok(await missesRecord(forger));
    assert.deepEqual(
      (await findValues(firstAddress(forger))).at(-1),
      value,
    );
  },
);

libp2pTest(
  "kad-dht throws when one node keeps an older record and takes no other",
  async () => {
    const older = await record(otherProvider, 60_000);
    const newer = await record();
    await using hostile = await openTestNode({
      policy: {
        ...createBootRecordPolicy({ clock }),
        accept: () => Promise.resolve(refuse("no")),
      },
    });
    await publish(hostile, older);
    await using honest = await openTestNode();
    await publish(honest, newer);

    await using kadClient = await openKadClient(
      [...hostile.addresses(), ...honest.addresses()],
      createBootRecordPolicy({ clock }),
      QUERY_ONLY,
    );
    await assert.rejects(
      kadClient.get(KEY),
      /Could not send correction/,
    );
  },
);

libp2pTest(
  "kad-dht asks nobody who has no identify and no ping, as Rust nodes",
  async () => {
    const value = await record();
    await using rustLike = await openCraftedPeer(() =>
      encodeAnswer({ key: KEY, value })
    );
    await using kadClient = await openKadClient([], policy, QUERY_ONLY, [
      rustLike.address,
    ]);
    assert.deepEqual(await kadClient.get(KEY), []);
    assert.equal(rustLike.requestCount(), 0);
    assert.deepEqual(await findValues(rustLike.address), [value]);
  },
);

libp2pTest("kad-dht lets the first query wait for a second", async () => {
  await using node = await openTestNode();
  await publish(node, await record());
  await using kadClient = await openKadClient(node.addresses(), policy);
  let startedMs = clock.monotonic();
  assert.equal((await kadClient.get(KEY)).length, 1);
  const kadMs = clock.monotonic() - startedMs;
  startedMs = clock.monotonic();
  assert.equal((await findValues(firstAddress(node))).length, 1);
  const ownMs = clock.monotonic() - startedMs;
  assert.ok(kadMs > 500, `kad-dht took ${kadMs} ms`);
  assert.ok(ownMs < kadMs, `the own look-up took ${ownMs} ms`);
});

/** Puts a value into one node, as if it had come before all others. */
async function keepAt(node: DhtNode, value: Uint8Array): Promise<void> {
  const alone = AbortSignal.abort();
  await node.publish(KEY, value, { ttlSeconds: 3600, signal: alone });
}
