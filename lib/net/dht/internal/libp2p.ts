import { noise } from "@chainsafe/libp2p-noise";
import { yamux } from "@chainsafe/libp2p-yamux";
import { type Fetch, fetch } from "@libp2p/fetch";
import { type Identify, identify } from "@libp2p/identify";
import type {
  Connection,
  ConnectionGater,
  Libp2p,
  PeerId,
} from "@libp2p/interface";
import { type KadDHT, kadDHT } from "@libp2p/kad-dht";
import { type Ping, ping } from "@libp2p/ping";
import { tcp } from "@libp2p/tcp";
import { type Multiaddr, multiaddr } from "@multiformats/multiaddr";
import { createLibp2p } from "libp2p";
import { UserError } from "../../../core/errors.ts";
import type { Identity } from "../identity.ts";
import type { KadPeer } from "../lookup.ts";
import type { RecordRules } from "../record_rules.ts";
import {
  diallingOrder,
  hostOf,
  reachableAddresses,
  uniqueAddresses,
} from "./addresses.ts";
import type { DhtDatastore } from "./datastore.ts";
import { failureReason } from "./failure.ts";

/**
 * The services of a node.
 */
export type DhtServices = {
  readonly identify: Identify;
  readonly ping: Ping;
  readonly fetch: Fetch;
  /** Nothing to call: see `announceFilter`. */
  readonly listening: object;
  readonly dht: KadDHT;
};

/** The part of libp2p that knows what it listens on. */
interface ListeningComponents {
  readonly transportManager: { getAddrs(): Multiaddr[] };
}

/**
 * What kad-dht marks those with that are in its routing table.
 */
export const ROUTING_TABLE_TAG = "kad-peer";
/** A rack that boots comes from one address, all at once; libp2p allows 5. */
const CONNECTIONS_PER_SECOND_AND_HOST = 100;
const MAX_CONNECTIONS = 500;
/** A rack has enough of it, and a host that only holds them takes no more. */
const MAX_CONNECTIONS_PER_HOST = 200;
/** More than one host can hold, or it would keep everybody else out. */
const MAX_PENDING_CONNECTIONS = 2 * MAX_CONNECTIONS_PER_HOST;
/** Longer than the longest record, so that providers keep their addresses. */
const PEER_STORE_AGE_MS = 25 * 3600_000;

/**
 * Starts libp2p as a serving DHT node. Settings are here, behaviour is in
 * net/dht/node.ts.
 *
 * @throws UserError when it cannot listen
 */
export async function startLibp2p(
  { identity, listen, alsoAnnounce, protocol, policy, datastore }: {
    readonly identity: Identity;
    readonly listen: readonly string[];
    readonly alsoAnnounce: (port: number) => readonly string[];
    readonly protocol: string;
    readonly policy: RecordRules;
    readonly datastore: DhtDatastore;
  },
): Promise<Libp2p<DhtServices>> {
  let listening: () => Multiaddr[] = () => [];
  const ownId = `/p2p/${identity.peerId}`;
  // libp2p tells nobody of a public address before others have confirmed it by
  // AutoNAT, which no node of ours speaks: what it listens on is added here.
  const announceFilter = (confirmed: Multiaddr[]) => {
    const port = listening().map(tcpPort).find((port) => port !== undefined);
    const further = port === undefined ? [] : alsoAnnounce(port);
    return reachableAddresses(uniqueAddresses([
      ...confirmed,
      ...listening().map((address) => address.encapsulate(ownId)),
      ...further.map((address) => multiaddr(address + ownId)),
    ]));
  };
  try {
    return await createLibp2p({
      privateKey: identity.privateKey,
      datastore,
      addresses: {
        listen: [...listen],
        announceFilter,
      },
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()],
      connectionGater: limitPerHost(),
      peerStore: {
        maxAddressAge: PEER_STORE_AGE_MS,
        maxPeerAge: PEER_STORE_AGE_MS,
      },
      connectionManager: {
        maxConnections: MAX_CONNECTIONS,
        inboundConnectionThreshold: CONNECTIONS_PER_SECOND_AND_HOST,
        maxIncomingPendingConnections: MAX_PENDING_CONNECTIONS,
        dialTimeout: 5000,
        // departures.ts looks once more, and join.ts goes on.
        reconnectRetries: 0,
        // Time for a second address, within what a request may take.
        addressDialTimeout: 2000,
        addressSorter: diallingOrder(),
      },
      services: {
        identify: identify(),
        ping: ping(),
        fetch: fetch(),
        listening(components: ListeningComponents) {
          listening = () => components.transportManager.getAddrs();
          return {};
        },
        dht: kadDHT({
          protocol,
          clientMode: false,
          peerInfoMapper: (peer) => ({
            ...peer,
            multiaddrs: reachableAddresses(peer.multiaddrs, []),
          }),
          // Queries of its own would otherwise wait for a first peer.
          allowQueryWithZeroPeers: true,
          initialQuerySelfInterval: 100,
          // Every 5 minutes, the default, leaves small networks' routing
          // tables almost empty.
          querySelfInterval: 60_000,
          validators: {
            [policy.namespace]: async (key, value) => {
              const name = new TextDecoder().decode(key);
              const accepted = await policy.accept(name, value);
              if (!accepted.ok) throw new Error(accepted.reason);
            },
          },
          selectors: {
            [policy.namespace]: (_key, values) => bestOf(values, policy),
          },
        }),
      },
    });
  } catch (error) {
    throw new UserError(
      `Cannot listen for DHT peers on ${listen.join(", ")}: ${
        failureReason(error)
      }`,
      { cause: error },
    );
  }
}

/** Refuses connections of a host that has many open. */
function limitPerHost(): ConnectionGater {
  const counts = new Map<string, number>();
  return {
    denyInboundConnection(connection) {
      const host = hostOf(connection.remoteAddr);
      const count = counts.get(host) ?? 0;
      if (count >= MAX_CONNECTIONS_PER_HOST) return true;
      if (connection.status !== "open") return false;
      counts.set(host, count + 1);
      connection.addEventListener("close", () => {
        const left = (counts.get(host) ?? 0) - 1;
        if (left > 0) counts.set(host, left);
        else counts.delete(host);
      }, { once: true });
      return false;
    },
  };
}

function tcpPort(address: Multiaddr): number | undefined {
  const port = address.getComponents().find(({ name }) => name === "tcp");
  return port?.value === undefined ? undefined : Number(port.value);
}

/** Position of the value that the policy prefers. */
function bestOf(values: Uint8Array[], policy: RecordRules): number {
  let best = 0;
  for (const [i, value] of values.entries()) {
    const current = values[best];
    if (current !== undefined && policy.isBetter(value, current)) best = i;
  }
  return best;
}

/**
 * The nodes known to speak the protocol, besides this one.
 */
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

/**
 * The addresses at both ends of a connection; none when it is no TCP one.
 *
 * libp2p tells of the other end only: ours is that of the socket, which its
 * TCP transport keeps.
 */
export function connectionEnds(
  connection: Connection,
): { localAddress: string; remoteAddress: string }[] {
  const socket = propertyOf(propertyOf(connection, "maConn"), "socket");
  const local = propertyOf(socket, "localAddress");
  return typeof local !== "string" ? [] : [{
    localAddress: local.replace(/^::ffff:/i, ""),
    remoteAddress: hostOf(connection.remoteAddr),
  }];
}

function propertyOf(owner: unknown, name: string): unknown {
  return typeof owner === "object" && owner !== null
    ? Reflect.get(owner, name)
    : undefined;
}

/**
 * How many nodes are in the routing table.
 */
export function routingTableSize(dht: KadDHT): number {
  const table = routingTable(dht);
  return table !== undefined && "size" in table &&
      typeof table.size === "number"
    ? table.size
    : 0;
}

/**
 * Takes a node out of the routing table.
 */
export async function removeFromRoutingTable(
  dht: KadDHT,
  peerId: PeerId,
): Promise<void> {
  const table = routingTable(dht);
  if (table === undefined || !("remove" in table)) return;
  if (typeof table.remove === "function") await table.remove(peerId);
}

/** kad-dht has it, though its interface does not name it. */
function routingTable(dht: KadDHT): object | undefined {
  const table = propertyOf(dht, "routingTable");
  return typeof table === "object" && table !== null ? table : undefined;
}
