import assert from "node:assert/strict";
import { createLibp2p } from "libp2p";
import { systemClock as clock } from "../../../../lib/core/clock.ts";
import { DEFAULT_DHT_PROTOCOL } from "../../../../lib/core/dht_protocol.ts";
import { refuse, type Result } from "../../../../lib/core/result.ts";
import { TRANSPORT_OPTIONS } from "../../../../lib/net/dht/internal/dialling.ts";
import { tellNode } from "../../../../lib/net/dht/internal/tell_node.ts";
import {
  encodeRecord,
  KadCall,
  type KadRequest,
  keyMultihash,
} from "../../../../lib/net/dht/message.ts";
import { RequestTally } from "../../../../lib/net/dht/request_tally.ts";
import { createBootRecordPolicy } from "../../../../lib/wire/boot_record_policy.ts";
import {
  libp2pTest,
  openTestNode,
  unlimited,
} from "../../../support/dht_nodes.ts";
import { encodeAnswer } from "../../../support/kad_answers.ts";
import { openCraftedPeer } from "../../../support/kad_peers.ts";

const PROVIDER = Uint8Array.of(4, 127, 0, 0, 1, 6, 0x0f, 0xa1);

interface Told {
  readonly isReached: boolean;
  /** By the order in which they were to be told. */
  readonly results: readonly Result<void>[];
  readonly sent: ReturnType<RequestTally["list"]>;
}

/** Tells a node of values under keys, and that we provide them. */
async function tell(
  to: string,
  keys: readonly string[],
  { timeoutMs = 5000, providers = false } = {},
): Promise<Told> {
  const node = await createLibp2p(TRANSPORT_OPTIONS);
  const tally = new RequestTally();
  const multihash = node.peerId.toMultihash().bytes;
  const requests = keys.map((text): KadRequest => {
    const key = new TextEncoder().encode(text);
    const value = key;
    const record = { key, value, ttlSeconds: 60, receivedAtMs: clock.now() };
    return providers
      ? {
        call: KadCall.addProvider,
        key: keyMultihash(key),
        provider: { multihash, addresses: [PROVIDER] },
      }
      : { call: KadCall.putValue, key, record: encodeRecord(record) };
  });
  const results: Result<void>[] = [];
  try {
    const isReached = await tellNode(
      node,
      to,
      requests.map((request, i) => ({
        request,
        onTold: (result) => {
          assert.equal(results[i], undefined, "once");
          results[i] = result;
        },
      })),
      {
        ...{ protocol: DEFAULT_DHT_PROTOCOL, clock, timeoutMs, sent: tally },
        signal: unlimited,
      },
    );
    return { isReached, results, sent: tally.list() };
  } finally {
    await node.stop();
  }
}

/** A node that keeps all but some keys, and counts those that it refuses. */
async function openPicky(isRefused: (key: string) => boolean) {
  const refused: string[] = [];
  const node = await openTestNode({
    policy: {
      ...createBootRecordPolicy({ clock }),
      accept(key) {
        if (!isRefused(key)) {
          return Promise.resolve({ ok: true, value: undefined });
        }
        refused.push(key);
        return Promise.resolve(refuse("not that one"));
      },
      isBetter: () => false,
      expiresMs: () => Infinity,
    },
  });
  return { node, refused };
}

const keys = (count: number) =>
  Array.from({ length: count }, (_, i) => `/phase/c${i}/arm64/manifest`);

libp2pTest(
  "tellNode() tells a node of ours many things, each once",
  async () => {
    const { node } = await openPicky(() => false);
    await using _ = node;
    const [address = ""] = node.addresses();
    for (const providers of [false, true]) {
      const { isReached, results, sent } = await tell(address, keys(150), {
        providers,
      });
      assert.ok(isReached && results.length === 150);
      assert.ok(results.every((result) => result.ok));
      const kind = providers ? "add_provider" : "put_value";
      assert.deepEqual(sent, [{ kind, answered: true, count: 150 }]);
    }
    const counts = node.requestCounts.list();
    assert.equal(counts.find((c) => c.kind === "put_value")?.count, 150);
    assert.equal(counts.find((c) => c.kind === "add_provider")?.count, 150);
  },
);

libp2pTest("what a node refuses does not keep the rest from it", async () => {
  const { node, refused } = await openPicky((key) => key.includes("/c7/"));
  await using _ = node;
  const { results } = await tell(node.addresses()[0] ?? "", keys(40));
  assert.deepEqual(
    results.flatMap((result, i) => result.ok ? [] : [[i, result.reason]]),
    [[7, "it closed the connection"]],
  );
  assert.ok(refused.length <= 2, "sent once more at most, to be sure");
});

libp2pTest("a node that refuses all is not asked for all", async () => {
  const { node, refused } = await openPicky(() => true);
  await using _ = node;
  const { isReached, results } = await tell(
    node.addresses()[0] ?? "",
    keys(40),
  );
  assert.ok(isReached);
  assert.equal(results.filter((result) => !result.ok).length, 40);
  assert.ok(refused.length < 10, `${refused.length}`);
});

libp2pTest(
  "a node that takes one request of a stream is told by one each",
  async () => {
    await using peer = await openCraftedPeer(() =>
      encodeAnswer({ key: "key" })
    );
    const { results } = await tell(peer.address, keys(20));
    assert.equal(results.filter((result) => result.ok).length, 20);
    assert.equal(peer.requestCount(), 20);
  },
);

libp2pTest(
  "a node that answers what is no message of Kademlia has not been told",
  async () => {
    await using peer = await openCraftedPeer(() => Uint8Array.of(0xff));
    const { isReached, results, sent } = await tell(peer.address, keys(3));
    assert.ok(isReached);
    assert.equal(results.length, 3);
    assert.deepEqual(results.filter((result) => result.ok), []);
    assert.deepEqual(sent.filter(({ answered }) => answered), []);
  },
);

libp2pTest(
  "a silent node, and one that is not there, cost one timeout",
  async () => {
    await using silent = await openCraftedPeer(() => undefined);
    const startedMs = clock.monotonic();
    const { isReached, results } = await tell(silent.address, keys(40), {
      timeoutMs: 300,
    });
    assert.ok(isReached && clock.monotonic() - startedMs < 3000);
    assert.deepEqual(
      new Set(results.map((result) => result.ok ? "" : result.reason)),
      new Set(["no answer in time"]),
    );
    const gone = await tell("/ip4/127.0.0.1/tcp/1", keys(3));
    assert.ok(!gone.isReached);
    assert.deepEqual(gone.results[2], refuse("connection refused"));
  },
);
