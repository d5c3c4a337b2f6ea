import type { Connection, Libp2p } from "@libp2p/interface";
import { peerIdFromString } from "@libp2p/peer-id";
import { sha256 } from "multiformats/hashes/sha2";
import { type Clock, deadline } from "../../core/clock.ts";
import type { Result } from "../../core/result.ts";
import type { AnnounceOutcome } from "./announce_outcome.ts";
import type { ResolveTxt } from "./dnsaddr.ts";
import type { Identity } from "./identity.ts";
import { announceTo } from "./internal/announce.ts";
import { DhtDatastore } from "./internal/datastore.ts";
import { watchDepartures } from "./internal/departures.ts";
import { joinThrough, keepJoined } from "./internal/join.ts";
import {
  connectionEnds,
  removeFromRoutingTable,
  ROUTING_TABLE_TAG,
  routingTablePeers,
  routingTableSize,
  startLibp2p,
} from "./internal/libp2p.ts";
import { watchNeighbours } from "./internal/neighbours.ts";
import type { JoinState, JoinStates } from "./join_state.ts";
import { DEFAULT_DHT_PROTOCOL, encodeRecord, KadCall } from "./message.ts";
import type { RecordRules } from "./record_rules.ts";
import {
  type DhtState,
  type DhtStateFile,
  keepDhtState,
  loadDhtState,
} from "./state.ts";

/** A connection with another node, by IP addresses. */
export interface PeerConnection {
  /** Ours, as the system has it. */
  readonly localAddress: string;
  /** The other node's, or of the router that it is behind. */
  readonly remoteAddress: string;
}

/** A serving member of the DHT. */
export interface DhtNode extends AsyncDisposable {
  /** Base58, such as `12D3KooW...`. */
  readonly peerId: string;
  /** Multiaddrs with peer id that others can join through. */
  addresses(): string[];
  /** Nodes in the routing table. */
  peerCount(): number;
  /** Those that are open with DHT nodes, whoever dialled. */
  connections(): PeerConnection[];
  /** The bootstrap addresses, each with its state. */
  joinStates(): JoinStates;
  /**
   * Meets one more node, such as a neighbour that mDNS has found. It is not
   * dialled again when it is lost.
   *
   * @param address a multiaddr, untrusted
   */
  join(
    address: string,
    options: { readonly signal: AbortSignal },
  ): Promise<Result<void>>;
  /** Ed25519 by the key of the peer id. */
  sign(bytes: Uint8Array): Promise<Uint8Array>;
  /**
   * Keeps a value, answers for it, and has the nodes nearest to its key keep
   * it too, for `ttlSeconds`: nothing is repeated by itself.
   *
   * @returns once all of them were told, or have not answered in time
   */
  publish(
    key: string,
    value: Uint8Array,
    options: {
      readonly ttlSeconds: number;
      /** Called when the first other node has said that it keeps the value. */
      readonly onStored?: () => void;
      readonly signal: AbortSignal;
    },
  ): Promise<AnnounceOutcome>;
  /** Stops answering for a key; copies at other nodes end with their TTL. */
  withdraw(key: string): Promise<void>;
  /**
   * Calls back whenever a DHT node has been connected with.
   *
   * @returns stops it
   */
  onPeer(listener: () => void): () => void;
}

/** What a node is made of. */
export interface DhtNodeOptions {
  /** Who it is. */
  readonly identity: Identity;
  /** Multiaddrs to listen on, such as `/ip4/0.0.0.0/tcp/4001`. */
  readonly listen: readonly string[];
  /**
   * Multiaddrs told to others besides those listened on, such as one that a
   * router maps, given the TCP port listened on; asked again each time.
   */
  readonly alsoAnnounce?: (port: number) => readonly string[];
  /** Multiaddrs of nodes to join through. */
  readonly bootstrap: readonly string[];
  /** As the other nodes speak it. @default DEFAULT_DHT_PROTOCOL */
  readonly protocol?: string;
  /** Decides which values are kept. */
  readonly policy: RecordRules;
  /** How long a provider entry of another node is kept. */
  readonly recordTtlSeconds: number;
  /** For records' dates and for retries. */
  readonly clock: Clock;
  /** Where peers and records outlive a restart. @default nowhere */
  readonly stateFile?: DhtStateFile;
  /** Asks the DNS what `/dnsaddr/...` stands for. @default the system's */
  readonly resolveTxt?: ResolveTxt;
  /** Ends the opening; the node itself ends when it is disposed of. */
  readonly signal: AbortSignal;
}

/** Of a node that may be gone. */
const REACH_TIMEOUT_MS = 5000;
/** Kademlia's k: with so many, once a minute is often enough to look. */
const WANTED_PEERS = 20;

/**
 * Starts a DHT node that answers others, and keeps joining the network until
 * it is disposed of.
 *
 * @throws UserError when it cannot listen
 */
export async function openDhtNode(options: DhtNodeOptions): Promise<DhtNode> {
  const { identity, policy, clock, signal } = options;
  const protocol = options.protocol ?? DEFAULT_DHT_PROTOCOL;
  signal.throwIfAborted();
  const datastore = new DhtDatastore({
    policy,
    clock,
    providerTtlSeconds: options.recordTtlSeconds,
    selfId: identity.peerId,
  });
  const libp2p = await startLibp2p({
    identity,
    listen: options.listen,
    alsoAnnounce: options.alsoAnnounce ?? (() => []),
    protocol,
    policy,
    datastore,
  });
  const ownAddresses = () =>
    libp2p.getMultiaddrs().map((a) => a.decapsulate(`/p2p/${identity.peerId}`));
  // GET_PROVIDERS fails for every provider of a key when the peer store lacks
  // one of them; libp2p enters the own addresses a second after the start.
  await libp2p.peerStore.merge(libp2p.peerId, { multiaddrs: ownAddresses() });

  const values = new Map<string, Uint8Array>();
  libp2p.services.fetch.registerLookupFunction(
    `/${policy.namespace}/`,
    (key) => Promise.resolve(values.get(new TextDecoder().decode(key))),
  );
  const closing = new AbortController();
  const states = new Map<string, JoinState>();
  const tasks = [
    keepJoined({
      node: libp2p,
      addresses: options.bootstrap,
      states,
      clock,
      ...(options.resolveTxt ? { resolveTxt: options.resolveTxt } : {}),
      signal: closing.signal,
    }),
  ];
  const onPeer = (listener: () => void) => {
    const onIdentify = (event: CustomEvent<{ protocols: string[] }>) => {
      if (event.detail.protocols.includes(protocol)) listener();
    };
    libp2p.addEventListener("peer:identify", onIdentify);
    return () => libp2p.removeEventListener("peer:identify", onIdentify);
  };
  const withNodes = new WeakSet<Connection>();
  libp2p.addEventListener("peer:identify", ({ detail }) => {
    if (detail.protocols.includes(protocol)) withNodes.add(detail.connection);
  });
  onPeer(watchNeighbours({
    async lookForSelf({ signal }) {
      if (routingTableSize(libp2p.services.dht) >= WANTED_PEERS) return;
      const ownId = libp2p.peerId.toMultihash().bytes;
      const steps = libp2p.services.dht.getClosestPeers(ownId, { signal });
      for await (const _ of steps); // kad-dht keeps whom it meets
    },
    clock,
    signal: closing.signal,
  }));
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
        // With nobody left, it is rather the own network that is gone.
        return libp2p.getConnections().length === 0;
      }
    },
    forget: (peerId) =>
      removeFromRoutingTable(libp2p.services.dht, peerIdFromString(peerId)),
    clock,
    signal: closing.signal,
  });
  libp2p.addEventListener(
    "peer:disconnect",
    ({ detail }) => onLost(detail.toString()),
  );
  if (options.stateFile) {
    tasks.push(
      ...await resume({ libp2p, datastore, protocol }, {
        ...options,
        stateFile: options.stateFile,
        signal: closing.signal,
      }),
    );
  }

  return {
    peerId: identity.peerId,
    addresses: () => libp2p.getMultiaddrs().map((a) => a.toString()),
    peerCount: () => routingTableSize(libp2p.services.dht),
    connections: () =>
      libp2p.getConnections().filter((one) => withNodes.has(one))
        .flatMap(connectionEnds),
    joinStates: () => states,
    join: (address, { signal }) =>
      joinThrough(libp2p, address, {
        clock,
        signal: AbortSignal.any([signal, closing.signal]),
      }),
    sign: (bytes) => identity.sign(bytes),
    async publish(key, value, { ttlSeconds, onStored, signal }) {
      values.set(key, value);
      const names = await namesOf(key);
      const record = encodeRecord({
        key: names.key,
        value,
        ttlSeconds,
        receivedAtMs: clock.now(),
      });
      await datastore.put(DhtDatastore.recordKey(names.key), record);
      await datastore.put(
        DhtDatastore.providerKey(names.multihash, identity.peerId),
        // Only its presence counts: the own entry has no age.
        Uint8Array.of(0),
      );
      const reachable = options.bootstrap.filter((address) =>
        states.get(address)?.kind !== "failed" &&
        !address.startsWith("/dnsaddr/")
      );
      return await announceTo({
        node: libp2p,
        protocol,
        clock,
        seeds: [...await routingTablePeers(libp2p, protocol), ...reachable],
        record: { call: KadCall.putValue, key: names.key, record },
        provider: {
          call: KadCall.addProvider,
          key: names.multihash,
          provider: {
            multihash: libp2p.peerId.toMultihash().bytes,
            addresses: ownAddresses().map((address) => address.bytes),
          },
        },
        onStored: onStored ?? (() => {}),
        signal: AbortSignal.any([signal, closing.signal]),
      });
    },
    async withdraw(key) {
      values.delete(key);
      const names = await namesOf(key);
      await datastore.delete(DhtDatastore.recordKey(names.key));
      await datastore.delete(
        DhtDatastore.providerKey(names.multihash, identity.peerId),
      );
    },
    onPeer,
    async [Symbol.asyncDispose]() {
      closing.abort();
      await Promise.all(tasks);
      await libp2p.stop();
    },
  };
}

/** Takes up what a node knew before, and keeps what it comes to know. */
async function resume(
  { libp2p, datastore, protocol }: {
    readonly libp2p: Libp2p;
    readonly datastore: DhtDatastore;
    readonly protocol: string;
  },
  { policy, clock, stateFile, signal }: DhtNodeOptions & {
    readonly stateFile: DhtStateFile;
  },
): Promise<Promise<void>[]> {
  const state = await loadDhtState(stateFile);
  for (const { key, value } of state.records) {
    if (!(await policy.accept(key, value)).ok) continue;
    const ttlSeconds = Math.ceil(
      (policy.expiresMs(value) - clock.now()) / 1000,
    );
    const names = await namesOf(key);
    const receivedAtMs = clock.now();
    await datastore.put(
      DhtDatastore.recordKey(names.key),
      encodeRecord({ key: names.key, value, ttlSeconds, receivedAtMs }),
    );
  }
  const current = async (): Promise<DhtState> => ({
    peers: (await routingTablePeers(libp2p, protocol)).flatMap((
      { id, addresses },
    ) => addresses.slice(0, 1).map((address) => `${address}/p2p/${id}`)),
    records: [...datastore.records()].map(({ key, value }) => ({
      key: new TextDecoder().decode(key),
      value,
    })),
  });
  const dialAll = async () => {
    await Promise.all(
      state.peers.map((peer) => joinThrough(libp2p, peer, { clock, signal })),
    );
  };
  return [
    dialAll(),
    keepDhtState(stateFile, { current, clock, signal }),
  ];
}

/** What a key is called in the DHT: as it is, and as its CID's multihash. */
async function namesOf(
  key: string,
): Promise<{ key: Uint8Array; multihash: Uint8Array }> {
  const bytes = new TextEncoder().encode(key);
  return { key: bytes, multihash: (await sha256.digest(bytes)).bytes };
}
