import { type Identify, identify, identifyPush } from "@libp2p/identify";
import type { Connection, Libp2p, Stream } from "@libp2p/interface";
import {
  type KadDHT,
  kadDHT,
  type KadDHTComponents,
  type KadDHTInit,
} from "@libp2p/kad-dht";
import { type Ping, ping } from "@libp2p/ping";
import { type Multiaddr, multiaddr } from "@multiformats/multiaddr";
import { peerIdFromMultihash } from "@libp2p/peer-id";
import { createLibp2p } from "libp2p";
import { unmappedAddress } from "../../ip_address.ts";
import * as Digest from "multiformats/hashes/digest";
import type { Identity } from "../identity.ts";
import { ListenError } from "../listen_error.ts";
import type { RecordRules } from "../record_rules.ts";
import {
  hostOf,
  ipv4OfBoth,
  reachableAddresses,
  tcpPort,
  uniqueAddresses,
} from "./addresses.ts";
import { publicAddresses } from "./amino.ts";
import { limitPerHost } from "./connection_limit.ts";
import { DhtDatastore } from "./datastore.ts";
import {
  diallingOptions,
  LOOPBACK_GATER,
  TRANSPORT_OPTIONS,
} from "./dialling.ts";
import { failureReason } from "./failure.ts";
import { K } from "../peer_groups.ts";
import { propertyOf } from "../../../core/property_of.ts";
import { askForNearer } from "./request.ts";
import { tableCids } from "./routing_table.ts";

/** The services of a node. */
export type DhtServices = {
  readonly identify: Identify;
  readonly ping: Ping;
  /** Knows what libp2p listens on, whatever of it others are told. */
  readonly listening: { addresses(): Multiaddr[] };
  readonly dht: KadDHT;
};

/** How a node serves others. */
export interface ServingOptions {
  /** The identity of the node. */
  readonly identity: Identity;
  /** Multiaddrs to listen on, such as `/ip4/0.0.0.0/tcp/4001`. */
  readonly listen: readonly string[];
  /**
   * Multiaddrs told to others besides those listened on, such as one that a
   * router maps, given the TCP port listened on; asked again each time.
   */
  readonly alsoAnnounce: (port: number) => readonly string[];
  /** Whether to dial no other machine. @default {false} */
  readonly loopbackOnly?: boolean;
  /** As the other nodes speak it. */
  readonly protocol: string;
  /**
   * Whether it is the public DHT of IPFS: this node is asked nothing there
   * before others reach it, tells public addresses alone and keeps no values.
   * @default {false}
   */
  readonly isAmino?: boolean;
  /** Decides which values are kept. */
  readonly policy: RecordRules;
}

/** The part of libp2p that knows what it listens on. */
interface ListeningComponents {
  readonly transportManager: { getAddrs(): Multiaddr[] };
}

/** A rack that boots comes from one address, all at once; libp2p allows 5. */
const CONNECTIONS_PER_SECOND_AND_HOST = 100;
const MAX_CONNECTIONS = 500;
/** A rack has enough of it, and a host that only holds them takes no more. */
const MAX_CONNECTIONS_PER_HOST = MAX_CONNECTIONS / 4;
/** More than one host can hold, or it would keep everybody else out. */
const MAX_PENDING_CONNECTIONS = 2 * MAX_CONNECTIONS_PER_HOST;
/** Longer than the longest record, so that providers keep their addresses. */
const PEER_STORE_AGE_MS = 25 * 3600_000;
const DIAL_TIMEOUT_MS = 5000;
/** Within what a request may take. */
const ADDRESS_DIAL_TIMEOUT_MS = 2000;

/**
 * Makes a libp2p that is a DHT node once it is started. Settings are here,
 * behaviour is in net/dht/node.ts.
 */
export async function createNodeLibp2p(
  options: ServingOptions,
): Promise<Libp2p<DhtServices>> {
  const { identity, listen } = options;
  const ownCid = identity.privateKey.publicKey.toCID().toString();
  let listening: () => Multiaddr[] = () => [];
  let table: KadDHT | undefined;
  return await createLibp2p({
    ...TRANSPORT_OPTIONS,
    start: false,
    privateKey: identity.privateKey,
    datastore: new DhtDatastore({
      kept: () =>
        new Set([ownCid, ...table === undefined ? [] : tableCids(table)]),
    }),
    addresses: {
      listen: [...listen],
      announceFilter: (confirmed) => announced(confirmed, listening(), options),
    },
    connectionGater: {
      ...limitPerHost(MAX_CONNECTIONS_PER_HOST),
      ...options.loopbackOnly === true && LOOPBACK_GATER,
    },
    peerStore: {
      maxAddressAge: PEER_STORE_AGE_MS,
      maxPeerAge: PEER_STORE_AGE_MS,
    },
    connectionManager: {
      ...diallingOptions(DIAL_TIMEOUT_MS, ADDRESS_DIAL_TIMEOUT_MS),
      maxConnections: MAX_CONNECTIONS,
      inboundConnectionThreshold: CONNECTIONS_PER_SECOND_AND_HOST,
      maxIncomingPendingConnections: MAX_PENDING_CONNECTIONS,
      // departures.ts looks once more, and join.ts goes on.
      reconnectRetries: 0,
    },
    services: {
      identify: identify(),
      // Tells connected peers when this node starts to answer requests.
      ...options.isAmino === true && { identifyPush: identifyPush() },
      ping: ping(),
      listening(components: ListeningComponents) {
        listening = () => components.transportManager.getAddrs();
        return { addresses: listening };
      },
      dht(components: KadDHTComponents) {
        table = kadDHT(kadOptions(options))(components);
        return table;
      },
    },
  });
}

/**
 * Has requests of the DHT answered otherwise than by kad-dht, which binds this
 * method of its when it is started.
 */
export function answerStreams(
  libp2p: Libp2p<DhtServices>,
  onIncomingStream: (stream: Stream, connection: Connection) => Promise<void>,
): void {
  const rpc = propertyOf(libp2p.services.dht, "rpc");
  if (typeof propertyOf(rpc, "onIncomingStream") !== "function") {
    throw new Error("kad-dht answers requests in another place");
  }
  Object.assign(Object(rpc), { onIncomingStream });
}

/** As many as an honest node names, and one that was asked for by its id. */
const MAX_NAMED = K + 1;
/** Addresses of each that are taken. */
const MAX_ADDRESSES = 8;

/**
 * Makes kad-dht, which looks for the node's neighbours, read answers within our
 * limits: on its own it puts megabytes of addresses into the peer store.
 */
export function boundQueries(
  libp2p: Libp2p<DhtServices>,
  { isAmino }: Pick<ServingOptions, "isAmino">,
): void {
  const network = propertyOf(libp2p.services.dht, "network");
  if (
    !(network instanceof EventTarget) ||
    typeof propertyOf(network, "_writeReadMessage") !== "function"
  ) throw new Error("kad-dht asks others in another place");
  const ask = async (
    stream: Stream,
    { key }: { readonly key: Uint8Array },
    options: { readonly signal: AbortSignal },
  ) => {
    const nearer = await askForNearer(stream, key, { ...options, isAmino });
    if (!nearer.ok) throw new Error(nearer.reason);
    const closer = nearer.value.slice(0, MAX_NAMED).map((peer) => ({
      id: peer.multihash,
      multiaddrs: peer.addresses.slice(0, MAX_ADDRESSES)
        .map((address) => multiaddr(address)),
    }));
    for (const { id, multiaddrs } of closer) {
      const detail = { id: peerIdFromMultihash(Digest.decode(id)), multiaddrs };
      network.dispatchEvent(new CustomEvent("peer", { detail }));
    }
    return {
      type: "FIND_NODE",
      closer: closer.map(({ id, multiaddrs }) => ({
        id,
        multiaddrs: multiaddrs.map(({ bytes }) => bytes),
      })),
      providers: [],
    };
  };
  Object.assign(network, { _writeReadMessage: ask });
}

/**
 * Has it listen.
 *
 * @throws ListenError
 */
export async function startListening(
  libp2p: Pick<Libp2p, "start">,
  { listen }: Pick<ServingOptions, "listen">,
): Promise<void> {
  try {
    await libp2p.start();
  } catch (error) {
    throw new ListenError(
      `Cannot listen for DHT peers on ${listen.join(", ")}: ${
        failureReason(error)
      }`,
      { cause: error },
    );
  }
}

/**
 * The addresses that others are told. libp2p announces no public address before
 * others have confirmed it by its own AutoNAT, which none of our nodes speak:
 * what it listens on is added here.
 */
function announced(
  confirmed: Multiaddr[],
  listening: Multiaddr[],
  { identity, listen, alsoAnnounce, isAmino }: ServingOptions,
): Multiaddr[] {
  const ownId = `/p2p/${identity.peerId}`;
  const port = tcpPort(listening);
  const further = port === undefined ? [] : alsoAnnounce(Number(port));
  const all = uniqueAddresses([
    ...confirmed,
    ...[...ipv4OfBoth(listen, port), ...listening]
      .map((address) => address.encapsulate(ownId)),
    ...further.map((address) => multiaddr(address + ownId)),
  ]);
  return reachableAddresses(isAmino ? publicAddresses(all) : all);
}

function kadOptions({ protocol, isAmino = false }: ServingOptions): KadDHTInit {
  return {
    protocol,
    clientMode: isAmino,
    peerInfoMapper: ({ multiaddrs, ...peer }) => ({
      ...peer,
      multiaddrs: reachableAddresses(
        isAmino ? publicAddresses(multiaddrs) : multiaddrs,
        [],
      ),
    }),
    // Queries of its own would otherwise wait for a first peer.
    allowQueryWithZeroPeers: true,
    initialQuerySelfInterval: 100,
    // Every 5 minutes, the default, leaves small networks' routing tables
    // almost empty.
    querySelfInterval: 60_000,
  };
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
    localAddress: unmappedAddress(local),
    remoteAddress: hostOf(connection.remoteAddr),
  }];
}
