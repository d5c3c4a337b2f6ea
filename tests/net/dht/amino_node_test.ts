/** A node of the public DHT, over TCP on 127.0.0.1. */
import assert from "node:assert/strict";
import { systemClock as clock } from "../../../lib/core/clock.ts";
import { DEFAULT_DHT_PROTOCOL } from "../../../lib/core/dht_protocol.ts";
import { openDhtClient } from "../../../lib/net/dht/client.ts";
import {
  eventually,
  libp2pTest,
  openTestNode,
  unlimited,
} from "../../support/dht_nodes.ts";

const KEY = "/phase/stable/arm64/manifest";
const VALUE = new TextEncoder().encode("value");
const PUBLIC = "/ip4/1.2.3.4/tcp/4001";

libp2pTest(
  "a node of the public DHT tells others who has a value and where, and not the value",
  async () => {
    await using other = await openTestNode();
    const bootstrap = other.addresses();
    await using node = await openTestNode({
      bootstrap,
      isAmino: true,
      alsoAnnounce: () => [PUBLIC],
    });
    const ownId = `/p2p/${node.peerId}`;
    assert.deepEqual(node.addresses(), [PUBLIC + ownId], "not 127.0.0.1");
    assert.ok((node.port() ?? 0) > 0);
    let told = 0;
    const outcome = await node.publish(KEY, VALUE, {
      ttlSeconds: 60,
      onStored: () => told++,
      signal: unlimited,
    });
    assert.equal(outcome.providedAt, 1);
    assert.equal(outcome.storedAt, 0);
    assert.equal(told, 1);
    await eventually(
      () =>
        other.requestCounts.list().some((one) => one.kind === "add_provider"),
      "the other node was told",
    );
    const kinds = other.requestCounts.list().map(({ kind }) => kind);
    assert.ok(!kinds.includes("put_value"), kinds.join());
  },
);

libp2pTest(
  "a node of the public DHT that has no public address publishes nothing, and says why",
  async () => {
    await using other = await openTestNode();
    await using node = await openTestNode({
      bootstrap: other.addresses(),
      isAmino: true,
    });
    assert.deepEqual(node.addresses(), []);
    await eventually(() => node.connections().length > 0, "it has joined");
    await assert.rejects(
      node.publish(KEY, VALUE, { ttlSeconds: 60, signal: unlimited }),
      /^Error: this machine has no reachable public address$/,
    );
  },
);

libp2pTest(
  "a node of the public DHT is asked nothing before others reach it, and ignores private addresses that it is told",
  async () => {
    await using other = await openTestNode();
    await using node = await openTestNode({
      bootstrap: other.addresses(),
      isAmino: true,
    });
    const listening = `/ip4/127.0.0.1/tcp/${node.port()}/p2p/${node.peerId}`;
    const protocol = DEFAULT_DHT_PROTOCOL;
    await using client = await openDhtClient({
      ...{ protocol, isAmino: true, clock },
      signal: unlimited,
    });
    const steps = client.findProviders(KEY, [listening], { signal: unlimited });
    const [step] = await Array.fromAsync(steps);
    assert.ok(step?.kind === "failure");
    assert.match(step.reason, /does not speak this DHT's protocol/);
    // Both are on 127.0.0.1, of which nobody may tell the other.
    await eventually(() => node.connections().length > 0, "it has joined");
    await using third = await openTestNode({ bootstrap: other.addresses() });
    await eventually(() => other.peerCount() > 0, "the others have met");
    const told = await Array.fromAsync(
      client.findProviders(KEY, other.addresses(), { signal: unlimited }),
    );
    for (const one of told) {
      assert.ok(one.kind === "answer");
      assert.notEqual(one.answer.from.id, third.peerId, "it was dialled");
    }
    assert.equal(other.peerCount(), 1, "the asked nothing is in no table");
  },
);
