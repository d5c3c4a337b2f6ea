/** Where something came from: an address costs more than a peer id does. */
export interface Origin {
  /** As `hostKey` names it. */
  readonly host: string;
  /** Peer id. */
  readonly peer: string;
}

/** What is known of an entry besides its value. */
export interface Placing {
  /** The host and the peer it came from. */
  readonly origin: Origin;
  /** The distance from the own id, in hex: the smallest stay longest. */
  readonly distance?: string;
  /** Monotonic, as all times here. */
  readonly nowMs: number;
}

/** How much is kept. */
export interface Quotas {
  /** The limit for all together. */
  readonly max: number;
  /** The limit for entries from one host. */
  readonly maxPerHost: number;
  /** What has not come again for so long goes before all else. */
  readonly staleMs: number;
  /**
   * Whether a peer is connected: what others brought goes before all else. A
   * host has many names, and few connections. @default {() => true}
   */
  readonly isPresent?: ((peer: string) => boolean) | undefined;
}

interface Entry<V> {
  readonly value: V;
  readonly origin: Origin;
  readonly distance: string;
  readonly sinceMs: number;
}

type Entries<V> = Map<string, Entry<V>>;

/**
 * A map that strangers fill without crowding each other out. When it is full,
 * the host with the most entries gives way, and of its peers the one with the
 * most: first entries of peers that are gone, then those not renewed, then
 * those farthest from the own id.
 */
export class QuotaMap<V> {
  readonly #entries: Entries<V> = new Map();
  /** Host, then peer. */
  readonly #byHost = new Map<string, Map<string, Entries<V>>>();
  readonly #counts = new Map<string, number>();
  readonly #quotas: Quotas;
  readonly #onEvicted: (key: string) => void;

  /**
   * Empty.
   *
   * @param onEvicted told of a key that had to give way to another
   */
  constructor(quotas: Quotas, onEvicted: (key: string) => void = () => {}) {
    this.#quotas = quotas;
    this.#onEvicted = onEvicted;
  }

  /** How many keys there are. */
  get size(): number {
    return this.#entries.size;
  }

  get(key: string): V | undefined {
    return this.#entries.get(key)?.value;
  }

  /** Key, value and origin of all, in no particular order. */
  *entries(): Generator<[key: string, value: V, origin: Origin]> {
    for (const [key, { value, origin }] of this.#entries) {
      yield [key, value, origin];
    }
  }

  /**
   * Sets a value, if need be in the place of a lesser one.
   *
   * @returns whether it was set: it may be the least itself
   */
  set(key: string, value: V, placing: Placing): boolean {
    const { origin, distance = "", nowMs } = placing;
    const entry = { value, origin, distance, sinceMs: nowMs };
    const before = this.#entries.get(key);
    if (before !== undefined) this.#remove(key, before);
    const full = this.#fullHost(origin.host);
    if (full !== undefined) {
      const least = this.#leastOf(full, key, entry);
      if (least === key) {
        if (before !== undefined) this.#insert(key, before);
        return false;
      }
      this.delete(least);
      this.#onEvicted(least);
    }
    this.#insert(key, entry);
    return true;
  }

  /**
   * Forgets a key.
   *
   * @returns whether there was such a key
   */
  delete(key: string): boolean {
    const entry = this.#entries.get(key);
    if (entry !== undefined) this.#remove(key, entry);
    return entry !== undefined;
  }

  #insert(key: string, entry: Entry<V>): void {
    const { host, peer } = entry.origin;
    this.#entries.set(key, entry);
    const peers = this.#byHost.get(host) ?? new Map<string, Entries<V>>();
    this.#byHost.set(host, peers);
    const entries = peers.get(peer) ?? new Map<string, Entry<V>>();
    peers.set(peer, entries);
    entries.set(key, entry);
    this.#counts.set(host, (this.#counts.get(host) ?? 0) + 1);
  }

  #remove(key: string, { origin: { host, peer } }: Entry<V>): void {
    this.#entries.delete(key);
    const peers = this.#byHost.get(host);
    const entries = peers?.get(peer);
    entries?.delete(key);
    if (entries?.size === 0) peers?.delete(peer);
    if (peers?.size === 0) this.#byHost.delete(host);
    const left = (this.#counts.get(host) ?? 1) - 1;
    if (left > 0) this.#counts.set(host, left);
    else this.#counts.delete(host);
  }

  /** The host that has to give way to one more entry of `host`, if any. */
  #fullHost(host: string): string | undefined {
    const { max, maxPerHost } = this.#quotas;
    const own = this.#counts.get(host) ?? 0;
    if (own >= maxPerHost) return host;
    if (this.#entries.size < max) return undefined;
    let most = host;
    let count = own;
    for (const [other, otherCount] of this.#counts) {
      if (otherCount > count) [most, count] = [other, otherCount];
    }
    return most;
  }

  /**
   * The key that a host does best without, of those of its peers that have
   * most: a newcomer's own, too.
   */
  #leastOf(host: string, key: string, newcomer: Entry<V>): string {
    const peers = [...this.#byHost.get(host) ?? []];
    const isOwn = newcomer.origin.host === host;
    const add = ([peer]: [peer: string, unknown]) =>
      isOwn && newcomer.origin.peer === peer ? 1 : 0;
    const sizes = peers.map((one) => one[1].size + add(one));
    const most = Math.max(1, ...sizes);
    const rivals = peers.filter((_, i) => sizes[i] === most)
      .flatMap(([, entries]) => [...entries]);
    const ownSize = peers.find((one) => add(one) > 0)?.[1].size ?? 0;
    if (isOwn && ownSize + 1 === most) rivals.push([key, newcomer]);
    const [first] = rivals;
    if (first === undefined) return key; // there is no room for anybody
    const { staleMs, isPresent = () => true } = this.#quotas;
    const absent = rivals.filter(([name, { origin }]) =>
      name !== key && !isPresent(origin.peer)
    );
    const oldestMs = newcomer.sinceMs - staleMs;
    return (absent.length > 0 ? absent : rivals).reduce(
      (least, one) => isLess(one[1], least[1], oldestMs) ? one : least,
      absent[0] ?? first,
    )[0];
  }
}

/** Whether an entry is sooner done without than another that is not younger. */
function isLess<V>(one: Entry<V>, other: Entry<V>, staleMs: number): boolean {
  const [isStale, wasStale] = [
    one.sinceMs <= staleMs,
    other.sinceMs <= staleMs,
  ];
  if (isStale !== wasStale) return isStale;
  if (!isStale && one.distance !== other.distance) {
    return one.distance > other.distance;
  }
  return one.sinceMs < other.sinceMs;
}
