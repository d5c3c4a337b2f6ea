import type { Connection, IdentifyResult, Libp2p } from "@libp2p/interface";
import { peerIdFromString } from "@libp2p/peer-id";
import { type Clock, deadline } from "../../../core/clock.ts";
import { watchDepartures } from "./departures.ts";
import type { DhtServices } from "./libp2p.ts";
import { watchNeighbours } from "./neighbours.ts";
import {
  removeFromRoutingTable,
  ROUTING_TABLE_TAG,
  routingTableSize,
} from "./routing_table.ts";

/** The timeout for a node that may be gone. */
const REACH_TIMEOUT_MS = 5000;
/** Kademlia's k: with this many, looking once a minute is enough. */
const WANTED_PEERS = 20;

/**
 * Calls back whenever a DHT node has been connected with.
 *
 * @param protocol what makes it one
 * @returns stops it
 */
export function onIdentified(
  libp2p: Libp2p,
  protocol: string,
  listener: (connection: Connection) => void,
): () => void {
  const onIdentify = ({ detail }: CustomEvent<IdentifyResult>) => {
    if (detail.protocols.includes(protocol)) listener(detail.connection);
  };
  libp2p.addEventListener("peer:identify", onIdentify);
  return () => libp2p.removeEventListener("peer:identify", onIdentify);
}

/**
 * Calls back whenever one of some connections has closed.
 *
 * @returns stops it
 */
export function onClosed(
  libp2p: Libp2p,
  connections: Pick<WeakSet<Connection>, "has">,
  listener: (connection: Connection) => void,
): () => void {
  const onClose = ({ detail }: CustomEvent<Connection>) => {
    if (connections.has(detail)) listener(detail);
  };
  libp2p.addEventListener("connection:close", onClose);
  return () => libp2p.removeEventListener("connection:close", onClose);
}

/** @returns whether a peer, by its id, is connected */
export function watchPresence(libp2p: Libp2p): (peerId: string) => boolean {
  const present = new Set<string>();
  libp2p.addEventListener("peer:connect", ({ detail }) => {
    present.add(detail.toString());
  });
  libp2p.addEventListener("peer:disconnect", ({ detail }) => {
    present.delete(detail.toString());
  });
  return (peerId) => present.has(peerId);
}

/**
 * Keeps the routing table true while nodes come and go, until the signal
 * aborts.
 */
export function watchPeers(
  libp2p: Libp2p<DhtServices>,
  { protocol, isAmino = false, clock, signal }: {
    readonly protocol: string;
    readonly isAmino?: boolean | undefined;
    readonly clock: Clock;
    readonly signal: AbortSignal;
  },
): void {
  const { dht } = libp2p.services;
  const onCome = watchNeighbours({
    async lookForSelf({ signal }) {
      if (routingTableSize(dht) >= WANTED_PEERS) return;
      const ownId = libp2p.peerId.toMultihash().bytes;
      const steps = dht.getClosestPeers(ownId, { signal });
      for await (const _ of steps); // kad-dht keeps whom it meets
    },
    clock,
    signal,
  });
  onIdentified(libp2p, protocol, onCome);
  // There nodes close what they have too many of, all the time.
  if (isAmino) return;
  const onLost = watchDepartures({
    async isReachable(peerId, { signal }) {
      const id = peerIdFromString(peerId);
      const { tags } = await libp2p.peerStore.get(id);
      if (!tags.has(ROUTING_TABLE_TAG)) return true; // a client has left
      using limit = deadline(clock, REACH_TIMEOUT_MS, { signal });
      try {
        await libp2p.dial(id, { signal: limit.signal });
        return true;
      } catch {
        // With no connection left, it is more likely the own network that is
        // down.
        return libp2p.getConnections().length === 0;
      }
    },
    forget: (peerId) => removeFromRoutingTable(dht, peerIdFromString(peerId)),
    clock,
    signal,
  });
  libp2p.addEventListener(
    "peer:disconnect",
    ({ detail }) => onLost(detail.toString()),
  );
}
