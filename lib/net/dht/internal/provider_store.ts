import { xor } from "uint8arrays/xor";
import type { Clock } from "../../../core/clock.ts";
import { sha256, type WirePeer } from "../message.ts";
import { type Origin, QuotaMap, type Quotas } from "./quota_map.ts";

/** What is kept for others: over all keys, and of one key. */
export interface ProviderQuotas {
  /** Over all keys. */
  readonly all: Pick<Quotas, "max" | "maxPerHost">;
  /** Under one. */
  readonly ofKey: Pick<Quotas, "max" | "maxPerHost">;
}

const QUOTAS: ProviderQuotas = {
  all: { max: 32_768, maxPerHost: 4096 },
  // As many as a host may have connections, so that no peer there can keep out
  // others.
  ofKey: { max: 512, maxPerHost: 128 },
};

/** What a store of provider entries needs. */
export interface ProviderStoreOptions {
  /** For the expiry of entries. */
  readonly clock: Clock;
  /** How long an entry is kept. */
  readonly ttlSeconds: number;
  /** How long its addresses are told. @default {ttlSeconds} */
  readonly addressTtlSeconds?: number | undefined;
  /** SHA-256 of the own peer id: what is near it is kept longest. */
  readonly place: Uint8Array;
  /** Whether a peer is connected. @default {() => true} */
  readonly isPresent?: ((peer: string) => boolean) | undefined;
  /** How much is kept. @default QUOTAS */
  readonly quotas?: ProviderQuotas;
}

interface ProviderEntry {
  readonly peer: WirePeer;
  /** Monotonic, both. */
  readonly untilMs: number;
  readonly addressesUntilMs: number;
}

/** Which peers said that they provide a key, this node aside. */
export class ProviderStore {
  readonly #options: ProviderStoreOptions;
  /** `KEY/PEER`, only to count. */
  readonly #all: QuotaMap<true>;
  /** Key, then peer. */
  readonly #byKey = new Map<string, QuotaMap<ProviderEntry>>();

  constructor(options: ProviderStoreOptions) {
    this.#options = options;
    this.#all = new QuotaMap(this.#quotas("all"), (name) => {
      const [key = "", peer = ""] = name.split("/");
      this.#byKey.get(key)?.delete(peer);
      if (this.#byKey.get(key)?.size === 0) this.#byKey.delete(key);
    });
  }

  /** How many entries there are, over all keys. */
  get size(): number {
    return this.#all.size;
  }

  /**
   * Keeps an entry, replacing another of the same host if need be.
   *
   * @param multihash the key's
   * @param origin the provider itself: nobody speaks for others
   * @returns whether there was room for it
   */
  add(multihash: Uint8Array, peer: WirePeer, origin: Origin): boolean {
    const { clock, ttlSeconds, place } = this.#options;
    const { addressTtlSeconds = ttlSeconds } = this.#options;
    const key = multihash.toHex();
    const nowMs = clock.monotonic();
    const distance = xor(sha256(multihash), place).toHex();
    if (
      !this.#all.set(`${key}/${origin.peer}`, true, { origin, distance, nowMs })
    ) return false;
    const entries = this.#byKey.get(key) ??
      new QuotaMap<ProviderEntry>(
        this.#quotas("ofKey"),
        (evicted) => this.#all.delete(`${key}/${evicted}`),
      );
    this.#byKey.set(key, entries);
    const untilMs = nowMs + ttlSeconds * 1000;
    const addressesUntilMs = nowMs + addressTtlSeconds * 1000;
    const entry = { peer, untilMs, addressesUntilMs };
    // Entries of one key are equally far: the oldest gives way.
    return entries.set(origin.peer, entry, { origin, nowMs });
  }

  /**
   * The providers of a key, one from each host in turn. From one host, those
   * connected now come first, since many may have been there before; the others
   * are shuffled: an answer may not have room for all.
   */
  of(multihash: Uint8Array): WirePeer[] {
    const key = multihash.toHex();
    const entries = this.#byKey.get(key);
    if (entries === undefined) return [];
    const { isPresent = () => true, clock } = this.#options;
    const nowMs = clock.monotonic();
    const byHost = new Map<string, WirePeer[]>();
    const all = [...entries.entries()];
    shuffle(all);
    all.sort(([a], [b]) => Number(isPresent(b)) - Number(isPresent(a)));
    for (const [peer, entry, { host }] of all) {
      if (entry.untilMs <= nowMs) {
        entries.delete(peer);
        this.#all.delete(`${key}/${peer}`);
        continue;
      }
      const ofHost = byHost.get(host) ?? [];
      const isOld = entry.addressesUntilMs <= nowMs;
      ofHost.push(isOld ? { ...entry.peer, addresses: [] } : entry.peer);
      byHost.set(host, ofHost);
    }
    if (entries.size === 0) this.#byKey.delete(key);
    const hosts = [...byHost.values()];
    const rounds = Math.max(0, ...hosts.map((ofHost) => ofHost.length));
    return Array.from(
      { length: rounds },
      (_, i) => hosts.flatMap((ofHost) => ofHost[i] ?? []),
    ).flat();
  }

  #quotas(what: keyof ProviderQuotas): Quotas {
    const { quotas = QUOTAS, ttlSeconds, isPresent } = this.#options;
    return { ...quotas[what], staleMs: ttlSeconds * 1000, isPresent };
  }
}

/** Fisher and Yates. */
function shuffle(items: unknown[]): void {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [items[i], items[j]] = [items[j], items[i]];
  }
}
