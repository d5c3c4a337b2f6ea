import { NotFoundError } from "@libp2p/interface";
import { peerIdFromCID } from "@libp2p/peer-id";
import { MemoryDatastore } from "datastore-core";
import { Key, type Pair, type Query } from "interface-datastore";
import { CID } from "multiformats/cid";
import { toString } from "uint8arrays/to-string";
import { BoundedMap } from "../../../core/bounded_map.ts";
import type { Clock } from "../../../core/clock.ts";
import { decodeRecord } from "../message.ts";
import type { RecordRules } from "../record_rules.ts";

/** Where kad-dht and libp2p's peer store keep things. */
const RECORDS = "/dht/record/";
const PROVIDERS = "/dht/provider/";
const PEERS = "/peers/";

/** How much a node keeps for others, unless it is told otherwise. */
const LIMITS = {
  /** Values, each under a key of its own. */
  maxRecords: 4096,
  /** Providers over all keys. */
  maxProviders: 16384,
  /** Providers of one key. */
  maxProvidersPerKey: 512,
  /** Peers whose addresses are known. */
  maxPeers: 16384,
};

/** What a datastore is made of. */
export interface DhtDatastoreOptions {
  /** Decides which of two records is kept, and until when. */
  readonly policy: RecordRules;
  /** By which records and provider entries end. */
  readonly clock: Clock;
  /** How long a provider entry is kept. */
  readonly providerTtlSeconds: number;
  /** The own peer id, whose provider entries do not expire. */
  readonly selfId: string;
  /** Where they differ from `LIMITS`. */
  readonly limits?: Readonly<Partial<typeof LIMITS>>;
}

/**
 * What kad-dht keeps, in memory, with the rules it lacks itself: it overwrites
 * a record with a worse one, answers with expired ones, keeps provider entries
 * for two days whatever their owner does, and has no upper bound.
 *
 * Peers and all else are kept as they are.
 */
export class DhtDatastore extends MemoryDatastore {
  readonly #records: BoundedMap<string, Uint8Array>;
  /** Key, then peer, to the entry. */
  readonly #providers = new Map<string, Map<string, ProviderEntry>>();
  #providerCount = 0;
  /** Keys of the peer store, the one written last at the end. */
  readonly #peers = new Set<string>();
  readonly #options: DhtDatastoreOptions;
  readonly #limits: Readonly<typeof LIMITS>;

  /** Empty. */
  constructor(options: DhtDatastoreOptions) {
    super();
    this.#options = options;
    this.#limits = { ...LIMITS, ...options.limits };
    this.#records = new BoundedMap(this.#limits.maxRecords, "refuse");
  }

  /** Keys and values that are kept and have not expired. */
  *records(): Generator<{ key: Uint8Array; value: Uint8Array }> {
    for (const [name, bytes] of this.#records) {
      const record = decodeRecord(bytes);
      if (record === undefined || this.#isExpired(record.value)) {
        this.#records.delete(name);
      } else yield record;
    }
  }

  /** Where kad-dht looks for the record of a key. */
  static recordKey(key: Uint8Array): Key {
    return new Key(RECORDS + toString(key, "base32"), false);
  }

  /** Where kad-dht looks for a provider of a CID's multihash. */
  static providerKey(multihash: Uint8Array, peerId: string): Key {
    return new Key(`${PROVIDERS}${toString(multihash, "base32")}/${peerId}`);
  }

  /** @throws Error when the node keeps all that it can keep */
  override put(key: Key, value: Uint8Array): Key | Promise<Key> {
    const name = key.toString();
    if (name.startsWith(RECORDS)) this.#putRecord(name, value);
    else if (name.startsWith(PROVIDERS)) this.#putProvider(name, value);
    else {
      if (name.startsWith(PEERS)) this.#makeRoomForPeer(name);
      return super.put(key, value);
    }
    return key;
  }

  /** @throws NotFoundError */
  override get(key: Key): Uint8Array | Promise<Uint8Array> {
    const name = key.toString();
    if (!name.startsWith(RECORDS)) return super.get(key);
    const bytes = this.#records.get(name);
    const record = bytes && decodeRecord(bytes);
    if (bytes === undefined || record === undefined) throw new NotFoundError();
    if (this.#isExpired(record.value)) {
      this.#records.delete(name);
      throw new NotFoundError("The record has expired");
    }
    return bytes;
  }

  override has(key: Key): boolean | Promise<boolean> {
    const name = key.toString();
    return name.startsWith(RECORDS) ? this.#records.has(name) : super.has(key);
  }

  override delete(key: Key): void | Promise<void> {
    const name = key.toString();
    if (name.startsWith(RECORDS)) {
      this.#records.delete(name);
    } else if (name.startsWith(PROVIDERS)) {
      this.#deleteProvider(...splitProviderName(name));
    } else {
      this.#peers.delete(name);
      return super.delete(key);
    }
  }

  override query(query: Query): Generator<Pair> | AsyncGenerator<Pair> {
    // Of one key only: kad-dht's reprovider asks for all of them, to delete the
    // old and announce its own again, both of which is done elsewhere.
    const { prefix = "" } = query;
    return `${prefix}/`.startsWith(PROVIDERS)
      ? this.#providersOf(prefix.slice(PROVIDERS.length))
      : super.query(query);
  }

  #isExpired(value: Uint8Array): boolean {
    return this.#options.policy.expiresMs(value) <= this.#options.clock.now();
  }

  #putRecord(name: string, bytes: Uint8Array): void {
    const record = decodeRecord(bytes);
    if (record === undefined) throw new Error("malformed record");
    const current = this.#records.get(name);
    const kept = current && decodeRecord(current)?.value;
    if (kept && this.#options.policy.isBetter(kept, record.value)) return;
    if (this.#records.set(name, bytes)) return;
    for (const _ of this.records()); // drops those that have expired
    if (!this.#records.set(name, bytes)) {
      throw new Error("no room for another record");
    }
  }

  /**
   * Forgets the peer that was heard of longest ago. Its provider entries go
   * with it: GET_PROVIDERS fails for a key when one of them has no peer.
   */
  #makeRoomForPeer(name: string): void {
    this.#peers.delete(name);
    this.#peers.add(name);
    if (this.#peers.size <= this.#limits.maxPeers) return;
    for (const oldest of this.#peers) {
      const peerId = peerIdOfName(oldest);
      if (peerId === this.#options.selfId) continue;
      this.delete(new Key(oldest));
      for (const key of [...this.#providers.keys()]) {
        this.#deleteProvider(key, peerId);
      }
      return;
    }
  }

  #putProvider(name: string, bytes: Uint8Array): void {
    const [key, peerId] = splitProviderName(name);
    const entries = this.#providers.get(key) ?? new Map();
    if (!entries.has(peerId) && peerId !== this.#options.selfId) {
      const { maxProviders, maxProvidersPerKey } = this.#limits;
      if (this.#providerCount >= maxProviders) this.#dropExpiredProviders();
      if (
        this.#providerCount >= maxProviders ||
        entries.size >= maxProvidersPerKey
      ) throw new Error("no room for another provider");
    }
    if (!entries.has(peerId)) this.#providerCount++;
    entries.set(peerId, { bytes, sinceMs: this.#options.clock.monotonic() });
    this.#providers.set(key, entries);
  }

  #deleteProvider(key: string, peerId: string): void {
    const entries = this.#providers.get(key);
    if (entries?.delete(peerId)) this.#providerCount--;
    if (entries?.size === 0) this.#providers.delete(key);
  }

  /** Those that have not expired; the others are forgotten. */
  *#providersOf(key: string): Generator<Pair> {
    const { clock, providerTtlSeconds, selfId } = this.#options;
    const oldestMs = clock.monotonic() - providerTtlSeconds * 1000;
    for (const [peerId, entry] of [...this.#providers.get(key) ?? []]) {
      if (peerId !== selfId && entry.sinceMs <= oldestMs) {
        this.#deleteProvider(key, peerId);
        continue;
      }
      const name = `${PROVIDERS}${key}/${peerId}`;
      yield { key: new Key(name), value: entry.bytes };
    }
  }

  #dropExpiredProviders(): void {
    for (const key of [...this.#providers.keys()]) {
      for (const _ of this.#providersOf(key));
    }
  }
}

interface ProviderEntry {
  /** The time as kad-dht writes it. */
  readonly bytes: Uint8Array;
  /** When it came, on the monotonic clock. */
  readonly sinceMs: number;
}

/** The peer store names a peer by its id as a CID. */
function peerIdOfName(name: string): string {
  return peerIdFromCID(CID.parse(name.slice(PEERS.length))).toString();
}

function splitProviderName(name: string): [key: string, peerId: string] {
  const [key = "", peerId = ""] = name.slice(PROVIDERS.length).split("/");
  return [key, peerId];
}
