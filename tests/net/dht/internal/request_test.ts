import assert from "node:assert/strict";
import { systemClock as clock } from "../../../../lib/core/clock.ts";
import { DEFAULT_DHT_PROTOCOL } from "../../../../lib/core/dht_protocol.ts";
import { createIdentity } from "../../../../lib/net/dht/identity.ts";
import { TRANSPORT_OPTIONS } from "../../../../lib/net/dht/internal/dialling.ts";
import {
  dialTarget,
  requestPeer,
} from "../../../../lib/net/dht/internal/request.ts";
import { KadCall } from "../../../../lib/net/dht/message.ts";
import { createLibp2p } from "libp2p";
import { libp2pTest, unlimited } from "../../../support/dht_nodes.ts";
import { encodeAnswer } from "../../../support/kad_answers.ts";
import {
  type CraftedPeer,
  openCraftedPeer,
} from "../../../support/kad_peers.ts";

async function ask(
  peer: CraftedPeer,
  options: { call?: KadCall; timeoutMs?: number; protocol?: string } = {},
) {
  const { call = KadCall.getValue, timeoutMs = 5000 } = options;
  const node = await createLibp2p(TRANSPORT_OPTIONS);
  try {
    return await requestPeer(node, peer.address, {
      call,
      key: new TextEncoder().encode("/phase/stable/arm64/manifest"),
    }, {
      protocol: options.protocol ?? DEFAULT_DHT_PROTOCOL,
      clock,
      timeoutMs,
      signal: unlimited,
    });
  } finally {
    await node.stop();
  }
}

libp2pTest(
  "requestPeer() reads value and peers, and knows who answered",
  async () => {
    const { peerId } = await createIdentity();
    const named = `/ip4/192.0.2.7/tcp/4001/p2p/${peerId}`;
    const value = Uint8Array.of(1, 2, 3);
    await using peer = await openCraftedPeer(() =>
      encodeAnswer({ key: "key", value, closer: [named] })
    );
    const answer = await ask(peer);
    assert.ok(answer.ok);
    assert.deepEqual(answer.value.value, value);
    assert.deepEqual(answer.value.from.multihash, peer.multihash);
    assert.deepEqual(
      answer.value.closer.map(({ id, addresses }) => ({ id, addresses })),
      [{ id: peerId, addresses: ["/ip4/192.0.2.7/tcp/4001"] }],
    );
  },
);

libp2pTest(
  "requestPeer() does not wait for an answer to ADD_PROVIDER",
  async () => {
    await using peer = await openCraftedPeer(() => undefined);
    const answer = await ask(peer, { call: KadCall.addProvider });
    assert.ok(answer.ok);
    assert.deepEqual(answer.value.closer, []);
  },
);

libp2pTest("requestPeer() says why there is no answer", async () => {
  await using silent = await openCraftedPeer(() => undefined);
  assert.deepEqual(await ask(silent, { timeoutMs: 300 }), {
    ok: false,
    reason: "no answer in time",
  });
  assert.deepEqual(await ask(silent, { protocol: "/other/1.0.0" }), {
    ok: false,
    reason: "it does not speak this DHT's protocol",
  });
  await using garbled = await openCraftedPeer(() => Uint8Array.of(0xff));
  assert.deepEqual(await ask(garbled), {
    ok: false,
    reason: "malformed Kademlia message",
  });
});

Deno.test("dialTarget() takes an address, eight addresses of a peer, or its id alone", async () => {
  const { peerId: id } = await createIdentity();
  const peer = { id, multihash: new Uint8Array() };
  const text = (target: ReturnType<typeof dialTarget>) =>
    Array.isArray(target) ? target.map(String) : String(target);
  assert.deepEqual(text(dialTarget("/ip4/192.0.2.7/tcp/1")), [
    "/ip4/192.0.2.7/tcp/1",
  ]);
  assert.equal(text(dialTarget({ ...peer, addresses: [] })), id);
  const addresses = Array.from(
    { length: 20 },
    (_, i) => `/ip4/192.0.2.7/tcp/${i + 1}`,
  );
  assert.deepEqual(
    text(dialTarget({ ...peer, addresses })),
    addresses.slice(0, 8).map((address) => `${address}/p2p/${id}`),
  );
});
