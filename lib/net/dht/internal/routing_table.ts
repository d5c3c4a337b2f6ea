import type { Libp2p, PeerId } from "@libp2p/interface";
import type { KadDHT } from "@libp2p/kad-dht";
import type { KadPeer } from "../lookup.ts";
import { sha256 } from "../message.ts";
import { K, shareOf } from "../peer_groups.ts";
import { propertyOf } from "../../../core/property_of.ts";
import { AMINO } from "./amino.ts";

/** What kad-dht marks those with that are in its routing table. */
export const ROUTING_TABLE_TAG = "kad-peer";

/** The nodes known to speak the protocol, besides this one. */
export async function routingTablePeers(
  libp2p: Libp2p,
  protocol: string,
): Promise<KadPeer[]> {
  const peers = await libp2p.peerStore.all({
    filters: [
      (peer) =>
        peer.protocols.includes(protocol) && !peer.id.equals(libp2p.peerId),
    ],
  });
  return peers.map((peer) => ({
    id: peer.id.toString(),
    multihash: peer.id.toMultihash().bytes,
    addresses: peer.addresses.map((address) => address.multiaddr.toString()),
  }));
}

/** How many nodes are in the routing table. */
export function routingTableSize(dht: KadDHT): number {
  const size = propertyOf(routingTable(dht), "size");
  return typeof size === "number" ? size : 0;
}

/** Takes a node out of the routing table. */
export async function removeFromRoutingTable(
  dht: object,
  peerId: PeerId,
): Promise<void> {
  const table = routingTable(dht);
  const remove = propertyOf(table, "remove");
  if (typeof remove === "function") await remove.call(table, peerId);
}

/** The nodes of the routing table that are nearest to a key, nearest first. */
export function nearestNodes(
  dht: object,
  key: Uint8Array,
  count: number,
): PeerId[] {
  const table = routingTable(dht);
  const nearest = propertyOf(table, "closestPeers");
  if (typeof nearest !== "function") return [];
  const found: unknown = nearest.call(table, sha256(key), { count });
  return Array.isArray(found) ? found.filter(isPeerId) : [];
}

/** The nodes of the routing table, each by its peer id as a CID. */
export function tableCids(dht: KadDHT): string[] {
  return nearestNodes(dht, new Uint8Array(), MAX_NODES)
    .map((peer) => peer.toCID().toString());
}

/**
 * Has no group of nodes keep a bucket for itself: where one is full, the group
 * that has most of it gives back a place, the one it has just taken if it did.
 *
 * @param group of a node, by the address that it is connected with
 * @returns stops it
 */
export function limitBuckets(
  dht: KadDHT,
  group: (peerId: PeerId) => string,
): () => void {
  const table = routingTable(dht);
  if (!(table instanceof EventTarget)) return () => {};
  const onAdd = (event: unknown) => {
    const added = propertyOf(event, "detail");
    if (!isPeerId(added)) return;
    const bucket = nearestNodes(dht, added.toMultihash().bytes, MAX_NODES)
      .filter((node) => inSameBucket(node, added));
    if (bucket.length < K) return;
    const groups = Map.groupBy(bucket, group);
    const largest = [...groups.values()]
      .reduce((most, one) => one.length > most.length ? one : most);
    if (largest.length <= shareOf(K)) return;
    const last = largest.includes(added) ? added : largest.at(-1);
    if (last === undefined) return;
    removeFromRoutingTable(dht, last).catch(() => {}); // it is gone already
  };
  table.addEventListener("peer:add", onAdd);
  return () => table.removeEventListener("peer:add", onAdd);
}

/**
 * Has no group of nodes have more places than the public DHT gives it, as the
 * filter of go-libp2p-kad-dht (rt_diversity_filter.go): the node that has taken
 * one too many gives it back.
 *
 * @param group of a node, by the address that it is connected with
 * @returns stops it
 */
export function limitGroups(
  dht: object,
  self: PeerId,
  group: (peerId: PeerId) => string,
): () => void {
  const table = routingTable(dht);
  if (!(table instanceof EventTarget)) return () => {};
  const place = sha256(self.toMultihash().bytes);
  const nearness = (peer: PeerId) =>
    sharedBits(place, sha256(peer.toMultihash().bytes));
  const onAdd = (event: unknown) => {
    const added = propertyOf(event, "detail");
    if (!isPeerId(added)) return;
    const ofGroup = nearestNodes(dht, added.toMultihash().bytes, MAX_NODES)
      .filter((node) => group(node) === group(added));
    const asNear = ofGroup.filter((one) => nearness(one) === nearness(added));
    if (
      ofGroup.length <= AMINO.maxOfGroup &&
      asNear.length <= AMINO.maxOfGroupAsNear
    ) return;
    removeFromRoutingTable(dht, added).catch(() => {}); // it is gone already
  };
  table.addEventListener("peer:add", onAdd);
  return () => table.removeEventListener("peer:add", onAdd);
}

/** How many bits two places have in common, from the first on. */
function sharedBits(a: Uint8Array, b: Uint8Array): number {
  const at = a.findIndex((byte, i) => byte !== b[i]);
  if (at < 0) return a.length * 8;
  return at * 8 + Math.clz32((a[at] ?? 0) ^ (b[at] ?? 0)) - 24;
}

/** More than kad-dht has room for: 64 buckets of k. */
const MAX_NODES = 64 * K;

/** The deepest of kad-dht's buckets are those of six bits. */
function inSameBucket(a: PeerId, b: PeerId): boolean {
  const prefix = (peer: PeerId) =>
    (sha256(peer.toMultihash().bytes)[0] ?? 0) >> 2;
  return prefix(a) === prefix(b);
}

function isPeerId(value: unknown): value is PeerId {
  return typeof propertyOf(value, "toMultihash") === "function";
}

/** kad-dht has it, though its interface does not name it. */
function routingTable(dht: object): unknown {
  return propertyOf(dht, "routingTable");
}
