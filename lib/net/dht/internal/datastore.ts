import { MemoryDatastore } from "datastore-core";
import { Key } from "interface-datastore";

/** Where libp2p's peer store keeps things. */
const PEERS = "/peers/";

/** For how many peers addresses are kept by default. */
const MAX_PEERS = 4096;
/** After dropping this many, the peers to keep are determined again. */
const FORGOTTEN_PER_LOOK = 64;

/** What the peers that are known are bounded by. */
export interface DhtDatastoreOptions {
  /** The one that was heard of longest ago is forgotten. @default 4096 */
  readonly maxPeers?: number;
  /**
   * Peer ids, as CIDs, of those that are never forgotten: a stranger with many
   * identities would have the nodes of the routing table lose their addresses.
   */
  readonly kept: () => ReadonlySet<string>;
}

/**
 * What libp2p keeps, in memory: of peers no more than there is room for. What
 * the DHT keeps is in stores of its own.
 */
export class DhtDatastore extends MemoryDatastore {
  /** Keys of the peer store, the one written last at the end. */
  readonly #peers = new Set<string>();
  readonly #options: DhtDatastoreOptions;
  #kept: ReadonlySet<string> = new Set();
  #forgotten = 0;

  constructor(options: DhtDatastoreOptions) {
    super();
    this.#options = options;
  }

  override put(key: Key, value: Uint8Array): Key | Promise<Key> {
    const name = key.toString();
    if (name.startsWith(PEERS)) this.#makeRoomFor(name);
    return super.put(key, value);
  }

  override delete(key: Key): void | Promise<void> {
    this.#peers.delete(key.toString());
    return super.delete(key);
  }

  #makeRoomFor(name: string): void {
    const { maxPeers = MAX_PEERS, kept } = this.#options;
    this.#peers.delete(name);
    this.#peers.add(name);
    if (this.#peers.size <= maxPeers) return;
    if (this.#forgotten++ % FORGOTTEN_PER_LOOK === 0) this.#kept = kept();
    for (const oldest of this.#peers) {
      if (this.#kept.has(oldest.slice(PEERS.length))) continue;
      this.delete(new Key(oldest));
      return;
    }
  }
}
