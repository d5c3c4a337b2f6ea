import assert from "node:assert/strict";
import { DEFAULT_DHT_PROTOCOL } from "../../../../lib/core/dht_protocol.ts";
import { systemClock as clock } from "../../../../lib/core/clock.ts";
import { refuse } from "../../../../lib/core/result.ts";
import { createIdentity } from "../../../../lib/net/dht/identity.ts";
import {
  Outsider,
  strangerSeeds,
} from "../../../../lib/net/dht/internal/outsider.ts";
import type { DhtNode } from "../../../../lib/net/dht/node.ts";
import { bootRecordKey } from "../../../../lib/wire/boot_record.ts";
import { createBootRecordPolicy } from "../../../../lib/wire/boot_record_policy.ts";
import { signedRecord } from "../../../support/boot_records.ts";
import { IMAGE } from "../../../support/dht_images.ts";
import {
  eventually,
  libp2pTest,
  openTestNode,
  unlimited as signal,
} from "../../../support/dht_nodes.ts";

const KEY = bootRecordKey(IMAGE);

async function publish(node: DhtNode) {
  const value = await signedRecord(IMAGE, node, { ttlSeconds: 60 });
  return await node.publish(KEY, value, { ttlSeconds: 60, signal });
}

function lookFor(node: DhtNode, isOwn: boolean) {
  return node.lookFromOutside(KEY, { isOwn: () => isOwn, signal });
}

libp2pTest(
  "a stranger finds a node by its value, or as a provider",
  async () => {
    await using other = await openTestNode();
    await using node = await openTestNode({ bootstrap: other.addresses() });
    await eventually(
      async () => (await publish(node)).storedAt > 0,
      "it joins",
    );
    assert.equal((await lookFor(node, true)).kind, "found");
    assert.equal((await lookFor(node, false)).kind, "found");
  },
);

libp2pTest("a stranger finds a node whose values nobody takes", async () => {
  await using other = await openTestNode({
    policy: {
      ...createBootRecordPolicy({ clock }),
      accept: () => Promise.resolve(refuse("as a node of another network")),
    },
  });
  await using node = await openTestNode({ bootstrap: other.addresses() });
  await eventually(
    async () => (await publish(node)).providedAt > 0,
    "it joins",
  );
  await eventually(
    async () => (await lookFor(node, true)).kind === "found",
    "the provider is known",
  );
});

libp2pTest(
  "what was told to nobody is absent, though the node itself has it",
  async () => {
    await using node = await openTestNode();
    await publish(node);
    await using other = await openTestNode({ bootstrap: node.addresses() });
    await eventually(
      async () => (await lookFor(node, true)).kind === "absent",
      "the other is known",
    );
    assert.deepEqual(await lookFor(node, true), {
      kind: "absent",
      askedCount: 1,
    });
    assert.equal(other.peerCount() > 0, true);
  },
);

libp2pTest("where no other node answers the reasons are told", async () => {
  const gone = await openTestNode();
  const [address = ""] = gone.addresses();
  await gone[Symbol.asyncDispose]();
  await using node = await openTestNode({ bootstrap: [address] });
  const look = await lookFor(node, true);
  assert.ok(look.kind === "unanswered");
  assert.deepEqual(look.failures, [`${address}: connection refused`]);
});

libp2pTest(
  "an outsider that asks several things at once opens one client, and closes it",
  async () => {
    await using other = await openTestNode();
    const { peerId } = await createIdentity();
    const protocol = DEFAULT_DHT_PROTOCOL;
    const outsider = new Outsider({ self: peerId, protocol, clock });
    const ask = () =>
      outsider.look({
        key: KEY,
        seeds: other.addresses(),
        isOwn: () => true,
        signal,
      });
    assert.deepEqual(await Promise.all([ask(), ask(), ask()]), [
      { kind: "absent", askedCount: 1 },
      { kind: "absent", askedCount: 1 },
      { kind: "absent", askedCount: 1 },
    ]);
    assert.deepEqual(await ask(), { kind: "absent", askedCount: 1 });
  },
);

libp2pTest("who leaves is told of", async () => {
  await using node = await openTestNode();
  let lost = 0;
  const stop = node.onPeerLost(() => lost++);
  const other = await openTestNode({ bootstrap: node.addresses() });
  await eventually(() => node.connections().length > 0, "it joins");
  assert.equal(lost, 0);
  await other[Symbol.asyncDispose]();
  await eventually(() => lost > 0, "it has left");
  stop();
});

Deno.test("a stranger begins at bootstrap nodes and some that are known, at few addresses each", () => {
  const peer = (id: string, count = 1) => ({
    id,
    multihash: new Uint8Array(),
    addresses: Array.from({ length: count }, (_, i) => `/ip4/192.0.2.${i}`),
  });
  assert.deepEqual(strangerSeeds([], []), []);
  assert.deepEqual(strangerSeeds([peer("a")], ["/dnsaddr/x"]), [
    "/ip4/192.0.2.0/p2p/a",
    "/dnsaddr/x",
  ]);
  assert.equal(strangerSeeds([peer("a", 100)], []).length, 3);
  const known = Array.from({ length: 50 }, (_, i) => peer(`${i}`));
  const seeds = strangerSeeds(known, [], () => 0.999);
  assert.deepEqual(
    seeds,
    ["49", "48", "47", "46"].map((id) => `/ip4/192.0.2.0/p2p/${id}`),
  );
});
