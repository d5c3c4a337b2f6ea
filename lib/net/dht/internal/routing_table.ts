import type { Libp2p, PeerId } from "@libp2p/interface";
import type { KadDHT } from "@libp2p/kad-dht";
import type { KadPeer } from "../lookup.ts";
import { propertyOf } from "./property_of.ts";

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
  dht: KadDHT,
  peerId: PeerId,
): Promise<void> {
  const table = routingTable(dht);
  const remove = propertyOf(table, "remove");
  if (typeof remove === "function") await remove.call(table, peerId);
}

/** kad-dht has it, though its interface does not name it. */
function routingTable(dht: KadDHT): unknown {
  return propertyOf(dht, "routingTable");
}
