import type { Libp2p } from "@libp2p/interface";
import type { KadDHT } from "@libp2p/kad-dht";
import { sha256 } from "multiformats/hashes/sha2";
import type { Clock } from "../core/clock.ts";
import { DhtDatastore } from "./dht_datastore.ts";
import type { Identity } from "./dht_identity.ts";
import { type JoinState, type JoinStates, keepJoined } from "./dht_join.ts";
import { startLibp2p } from "./dht_libp2p.ts";
import type { RecordPolicy } from "./dht_record_policy.ts";
import { type AnnounceOutcome, announceTo } from "./kad_announce.ts";
import type { KadPeer } from "./kad_lookup.ts";
import { DEFAULT_DHT_PROTOCOL, encodeRecord, KadCall } from "./kad_message.ts";

/** A serving member of the DHT. */
export interface DhtNode extends AsyncDisposable {
  /** Base58, such as `12D3KooW...`. */
  readonly peerId: string;
  /** Multiaddrs with peer id that others can join through. */
  addresses(): string[];
  /** Nodes in the routing table. */
  peerCount(): number;
  /** The bootstrap addresses, each with its state. */
  joinStates(): JoinStates;
  /** Ed25519 by the key of the peer id. */
  sign(bytes: Uint8Array): Promise<Uint8Array>;
  /**
   * Keeps a value, answers for it, and has the nodes nearest to its key keep
   * it too, for `ttlSeconds`: nothing is repeated by itself.
   */
  publish(
    key: string,
    value: Uint8Array,
    options: { readonly ttlSeconds: number; readonly signal: AbortSignal },
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
  /** Multiaddrs told to others instead of those listened on. */
  readonly announce?: readonly string[];
  /** Multiaddrs of nodes to join through. */
  readonly bootstrap: readonly string[];
  /** As the other nodes speak it. @default DEFAULT_DHT_PROTOCOL */
  readonly protocol?: string;
  /** Decides which values are kept. */
  readonly policy: RecordPolicy;
  /** How long a provider entry of another node is kept. */
  readonly recordTtlSeconds: number;
  /** For records' dates and for retries. */
  readonly clock: Clock;
  /** Ends the opening; the node itself ends when it is disposed of. */
  readonly signal: AbortSignal;
}

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
    announce: options.announce ?? [],
    protocol,
    policy,
    datastore,
  });
  const { fetch, dht } = libp2p.services;

  const values = new Map<string, Uint8Array>();
  fetch.registerLookupFunction(
    `/${policy.namespace}/`,
    (key) => Promise.resolve(values.get(new TextDecoder().decode(key))),
  );
  // GET_PROVIDERS fails for every provider of a key when the peer store lacks
  // one of them; libp2p enters the own addresses a second after the start.
  await libp2p.peerStore.merge(libp2p.peerId, {
    multiaddrs: libp2p.getMultiaddrs().map((a) =>
      a.decapsulate(`/p2p/${identity.peerId}`)
    ),
  });

  const closing = new AbortController();
  const states = new Map<string, JoinState>();
  const joining = keepJoined({
    node: libp2p,
    addresses: options.bootstrap,
    states,
    clock,
    signal: closing.signal,
  });

  const multihashOf = async (key: string) =>
    (await sha256.digest(new TextEncoder().encode(key))).bytes;

  return {
    peerId: identity.peerId,
    addresses: () => libp2p.getMultiaddrs().map((a) => a.toString()),
    peerCount: () => routingTableSize(dht),
    joinStates: () => states,
    sign: (bytes) => identity.sign(bytes),
    async publish(key, value, { ttlSeconds, signal }) {
      values.set(key, value);
      const keyBytes = new TextEncoder().encode(key);
      const multihash = await multihashOf(key);
      const record = encodeRecord({
        key: keyBytes,
        value,
        ttlSeconds,
        receivedAtMs: clock.now(),
      });
      await datastore.put(DhtDatastore.recordKey(keyBytes), record);
      await datastore.put(
        DhtDatastore.providerKey(multihash, identity.peerId),
        // Only its presence counts: the own entry has no age.
        Uint8Array.of(0),
      );
      const self = {
        multihash: libp2p.peerId.toMultihash().bytes,
        addresses: libp2p.getMultiaddrs().map((a) =>
          a.decapsulate(`/p2p/${identity.peerId}`).bytes
        ),
      };
      return await announceTo({
        node: libp2p,
        protocol,
        clock,
        seeds: [
          ...await kadPeers(libp2p, protocol),
          ...options.bootstrap.filter((address) =>
            states.get(address)?.kind !== "failed"
          ),
        ],
        record: { call: KadCall.putValue, key: keyBytes, record },
        provider: {
          call: KadCall.addProvider,
          key: multihash,
          provider: self,
        },
        signal: AbortSignal.any([signal, closing.signal]),
      });
    },
    async withdraw(key) {
      values.delete(key);
      const multihash = await multihashOf(key);
      await datastore.delete(
        DhtDatastore.providerKey(multihash, identity.peerId),
      );
      await datastore.delete(
        DhtDatastore.recordKey(new TextEncoder().encode(key)),
      );
    },
    onPeer(listener) {
      const onIdentify = (event: CustomEvent<{ protocols: string[] }>) => {
        if (event.detail.protocols.includes(protocol)) listener();
      };
      libp2p.addEventListener("peer:identify", onIdentify);
      return () => libp2p.removeEventListener("peer:identify", onIdentify);
    },
    async [Symbol.asyncDispose]() {
      closing.abort();
      await joining;
      await libp2p.stop();
    },
  };
}

/** The nodes known to speak the protocol, with their addresses. */
async function kadPeers(
  libp2p: Libp2p,
  protocol: string,
): Promise<KadPeer[]> {
  const peers = await libp2p.peerStore.all({
    filters: [(peer) => peer.protocols.includes(protocol)],
  });
  return peers.map((peer) => ({
    id: peer.id.toString(),
    multihash: peer.id.toMultihash().bytes,
    addresses: peer.addresses.map((address) => address.multiaddr.toString()),
  }));
}

/** kad-dht has it, though its interface does not name it. */
function routingTableSize(dht: KadDHT): number {
  if (!("routingTable" in dht)) return 0;
  const table = dht.routingTable;
  const isSized = typeof table === "object" && table !== null &&
    "size" in table && typeof table.size === "number";
  return isSized && typeof table.size === "number" ? table.size : 0;
}
