import assert from "node:assert/strict";
import { sleep, systemClock as clock } from "../../../../lib/core/clock.ts";
import { DEFAULT_DHT_PROTOCOL } from "../../../../lib/core/dht_protocol.ts";
import { refuse } from "../../../../lib/core/result.ts";
import { requestPeer } from "../../../../lib/net/dht/internal/request.ts";
import { openStranger } from "../../../../lib/net/dht/internal/stranger.ts";
import { KadCall, keyMultihash } from "../../../../lib/net/dht/message.ts";
import type { DhtNode } from "../../../../lib/net/dht/node.ts";
import type { PublishEntry } from "../../../../lib/net/dht/node_options.ts";
import { bootRecordKey } from "../../../../lib/wire/boot_record.ts";
import { createBootRecordPolicy } from "../../../../lib/wire/boot_record_policy.ts";
import { signedRecord } from "../../../support/boot_records.ts";
import {
  eventually,
  libp2pTest,
  openTestNode,
  unlimited,
} from "../../../support/dht_nodes.ts";

const IMAGES = 40;

async function someEntries(
  node: DhtNode,
  stored: Map<string, number>,
): Promise<PublishEntry[]> {
  return await Promise.all(Array.from({ length: IMAGES }, async (_, i) => {
    const image = { channel: `c${i}`, arch: "arm64" };
    const key = bootRecordKey(image);
    const value = await signedRecord(image, node, { ttlSeconds: 60 });
    const onStored = () => void stored.set(key, (stored.get(key) ?? 0) + 1);
    return { key, value, onStored };
  }));
}

/** How many keys a node keeps the value of, and knows the provider of. */
async function keptBy(node: DhtNode, keys: readonly string[], peerId: string) {
  const stranger = await openStranger({});
  const kept = { values: 0, providers: 0 };
  const options = {
    ...{ protocol: DEFAULT_DHT_PROTOCOL, clock, timeoutMs: 5000 },
    signal: unlimited,
  };
  const [to = ""] = node.addresses();
  const ask = async (call: KadCall, key: Uint8Array) => {
    // A busy machine has not closed the streams before, of which there are 32.
    for (let i = 0; i < 50; i++) {
      const answer = await requestPeer(stranger, to, { call, key }, options);
      if (answer.ok) return answer.value;
      await sleep(clock, 20, { signal: unlimited });
    }
    return assert.fail("not answered");
  };
  for (const key of keys) {
    const bytes = new TextEncoder().encode(key);
    const { value } = await ask(KadCall.getValue, bytes);
    if (value !== undefined) kept.values++;
    const { providers } = await ask(KadCall.getProviders, keyMultihash(bytes));
    if (providers.some(({ id }) => id === peerId)) kept.providers++;
  }
  await stranger.stop();
  return kept;
}

libp2pTest(
  "publishAll() has all nodes of a small DHT keep every value, by a few look-ups",
  async () => {
    await using stack = new AsyncDisposableStack();
    const first = stack.use(await openTestNode());
    const bootstrap = [...first.addresses()];
    const refusing = stack.use(
      await openTestNode({
        bootstrap,
        policy: {
          ...createBootRecordPolicy({ clock }),
          accept: () => Promise.resolve(refuse("no value of yours")),
        },
      }),
    );
    const third = stack.use(await openTestNode({ bootstrap: [...bootstrap] }));
    const publisher = stack.use(
      await openTestNode({ bootstrap: [...bootstrap] }),
    );
    const all = [first, refusing, third, publisher];
    await eventually(
      () => all.every((node) => node.peerCount() === 3),
      "all have met",
    );

    const stored = new Map<string, number>();
    const entries = await someEntries(publisher, stored);
    const outcomes = await publisher.publishAll(entries, {
      ...{ ttlSeconds: 60, signal: unlimited },
    });
    assert.equal(outcomes.length, IMAGES);
    for (const { reached, storedAt, providedAt, failures } of outcomes) {
      assert.deepEqual([reached, storedAt, providedAt], [3, 2, 3]);
      assert.deepEqual(failures, ["it closed the connection"]);
    }
    const keys = entries.map(({ key }) => key);
    assert.deepEqual(keys.map((key) => stored.get(key)), keys.map(() => 2));
    const { peerId } = publisher;
    const whole = { values: IMAGES, providers: IMAGES };
    assert.deepEqual(await keptBy(first, keys, peerId), whole);
    assert.deepEqual(await keptBy(third, keys, peerId), whole);
    assert.deepEqual(await keptBy(refusing, keys, peerId), {
      ...whole,
      values: 0,
    });
    const sent = publisher.sentCounts.list();
    const lookups = sent.filter(({ kind }) => kind === "find_node");
    assert.ok(lookups.reduce((sum, { count }) => sum + count, 0) < 10);
  },
);

libp2pTest(
  "publishAll() reaches nobody without peers, and answers for the values itself",
  async () => {
    await using node = await openTestNode();
    const entries = await someEntries(node, new Map());
    const outcomes = await node.publishAll(entries, {
      ...{ ttlSeconds: 60, signal: unlimited },
    });
    assert.ok(outcomes.every(({ reached }) => reached === 0));
    const [first] = entries;
    const kept = await keptBy(node, [first?.key ?? ""], node.peerId);
    assert.deepEqual(kept, { values: 1, providers: 1 });
  },
);
