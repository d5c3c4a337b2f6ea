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
  /** Values of others, each under a key of its own. */
  maxRecords: 4096,
  /** Providers over all keys, besides the node itself. */
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
  /** Those of others. */
  readonly #records: BoundedMap<string, KeptRecord>;
  /** Those that this node provides, however many they are. */
  readonly #own = new Map<string, KeptRecord>();
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

  /** Keys and values that are kept for others and have not expired. */
  records(): { key: Uint8Array; value: Uint8Array }[] {
    this.#dropExpiredRecords();
    return [...this.#records.values()]
      .flatMap(({ bytes }) => decodeRecord(bytes) ?? []);
  }

  /**
   * Keeps a record that this node provides, unless a better one is kept under
   * its key. It takes no room from those of others.
   */
  putOwn(key: Uint8Array, record: Uint8Array): void {
    const name = DhtDatastore.recordKey(key).toString();
    const kept = this.#records.get(name);
    if (kept !== undefined) {
      this.#records.delete(name);
      this.#own.set(name, kept);
    }
    const next = this.#betterThanKept(name, record);
    if (next !== undefined) this.#own.set(name, next);
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
    const record = this.#own.get(name) ?? this.#records.get(name);
    if (record === undefined) throw new NotFoundError();
    if (this.#isExpired(record)) {
      this.#deleteRecord(name);
      throw new NotFoundError("The record has expired");
    }
    return record.bytes;
  }

  override has(key: Key): boolean | Promise<boolean> {
    const name = key.toString();
    return name.startsWith(RECORDS)
      ? this.#own.has(name) || this.#records.has(name)
      : super.has(key);
  }

  override delete(key: Key): void | Promise<void> {
    const name = key.toString();
    if (name.startsWith(RECORDS)) {
      this.#deleteRecord(name);
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

  #isExpired({ expiresMs }: KeptRecord): boolean {
    return expiresMs <= this.#options.clock.now();
  }

  #deleteRecord(name: string): void {
    this.#own.delete(name);
    this.#records.delete(name);
  }

  #dropExpiredRecords(): void {
    for (const [name, record] of this.#records) {
      if (this.#isExpired(record)) this.#records.delete(name);
    }
  }

  #putRecord(name: string, bytes: Uint8Array): void {
    const next = this.#betterThanKept(name, bytes);
    if (next === undefined) return;
    if (this.#own.has(name)) this.#own.set(name, next);
    else if (!this.#records.set(name, next)) {
      this.#dropExpiredRecords();
      if (!this.#records.set(name, next)) {
        throw new Error("no room for another record");
      }
    }
  }

  /**
   * A record to be kept; undefined: the one that is kept is better.
   *
   * @throws Error when it is none
   */
  #betterThanKept(name: string, bytes: Uint8Array): KeptRecord | undefined {
    const record = decodeRecord(bytes);
    if (record === undefined) throw new Error("malformed record");
    const { policy } = this.#options;
    const { value } = record;
    const kept = this.#own.get(name) ?? this.#records.get(name);
    return kept !== undefined && policy.isBetter(kept.value, value)
      ? undefined
      : { bytes, value, expiresMs: policy.expiresMs(value) };
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
    const isNewOther = peerId !== this.#options.selfId && !entries.has(peerId);
    if (isNewOther) {
      const { maxProviders, maxProvidersPerKey } = this.#limits;
      if (this.#providerCount >= maxProviders) this.#dropExpiredProviders();
      if (
        this.#providerCount >= maxProviders ||
        entries.size >= maxProvidersPerKey
      ) throw new Error("no room for another provider");
    }
    if (isNewOther) this.#providerCount++;
    entries.set(peerId, { bytes, sinceMs: this.#options.clock.monotonic() });
    this.#providers.set(key, entries);
  }

  #deleteProvider(key: string, peerId: string): void {
    const entries = this.#providers.get(key);
    const isOther = peerId !== this.#options.selfId;
    if (entries?.delete(peerId) && isOther) this.#providerCount--;
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

interface KeptRecord {
  /** As kad-dht writes it. */
  readonly bytes: Uint8Array;
  /** What is in it. */
  readonly value: Uint8Array;
  /** Until when it holds, in milliseconds since 1970. */
  readonly expiresMs: number;
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
