import type { PeerId } from "@libp2p/interface";
import { peerIdFromString } from "@libp2p/peer-id";
import assert from "node:assert/strict";
import { createIdentity } from "../../../../lib/net/dht/identity.ts";
import { limitGroups } from "../../../../lib/net/dht/internal/routing_table.ts";
import { sha256 } from "../../../../lib/net/dht/message.ts";

/** As much of kad-dht's table as is asked of it. */
class Table extends EventTarget {
  peers: PeerId[] = [];

  add(peer: PeerId): void {
    this.peers.push(peer);
    this.dispatchEvent(new CustomEvent("peer:add", { detail: peer }));
  }

  closestPeers(): PeerId[] {
    return this.peers;
  }

  remove(peer: PeerId): Promise<void> {
    this.peers = this.peers.filter((one) => one !== peer);
    return Promise.resolve();
  }
}

async function newPeer(): Promise<PeerId> {
  return peerIdFromString((await createIdentity()).peerId);
}

/** Whether the first bit of two places is the same. */
function isNear(a: PeerId, b: PeerId): boolean {
  const first = (peer: PeerId) =>
    (sha256(peer.toMultihash().bytes)[0] ?? 0) >> 7;
  return first(a) === first(b);
}

Deno.test("in the public DHT a group of nodes has three places in the table, and two as far from the own id as each other", async () => {
  const self = await newPeer();
  const all = await Promise.all(Array.from({ length: 64 }, newPeer));
  const far = all.filter((peer) => !isNear(peer, self)).slice(0, 3);
  const near = all.filter((peer) => isNear(peer, self)).slice(0, 4);
  const table = new Table();
  const stop = limitGroups(
    { routingTable: table },
    self,
    (peer) => [...far, ...near].includes(peer) ? "1.2.0.0/16" : `${peer}`,
  );
  for (const peer of far) table.add(peer);
  assert.deepEqual(table.peers, far.slice(0, 2));
  for (const peer of near) table.add(peer);
  assert.deepEqual(table.peers, [...far.slice(0, 2), ...near.slice(0, 1)]);
  for (const peer of all.slice(-40)) {
    if (!far.includes(peer) && !near.includes(peer)) table.add(peer);
  }
  assert.ok(table.peers.length > 30, "others have as many as they like");
  stop();
  table.add(near.at(-1) ?? self);
  assert.ok(table.peers.includes(near.at(-1) ?? self));
});
