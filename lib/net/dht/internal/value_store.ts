import { xor } from "uint8arrays/xor";
import type { Clock } from "../../../core/clock.ts";
import { ok, refuse, type Result } from "../../../core/result.ts";
import { encodeRecord, sha256 } from "../message.ts";
import type { RecordRules } from "../record_rules.ts";
import { type Origin, QuotaMap, type Quotas } from "./quota_map.ts";

/** Values of others, each under a key of its own. */
const QUOTAS: Quotas = {
  max: 8192,
  maxPerHost: 1024,
  // Publishers tell again after half of the time that a value holds for.
  staleMs: 3600_000,
};

/** What a store of values needs. */
export interface ValueStoreOptions {
  /** Decides which of two values is kept, and until when. */
  readonly policy: Pick<RecordRules, "isBetter" | "expiresMs">;
  /** For the expiry of values. */
  readonly clock: Clock;
  /** SHA-256 of the own peer id: what is near it is kept longest. */
  readonly place: Uint8Array;
  /** Whether a peer is connected. @default {() => true} */
  readonly isPresent?: ((peer: string) => boolean) | undefined;
}

interface KeptValue {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  /** When it came and until when it holds, in milliseconds since 1970. */
  readonly receivedAtMs: number;
  readonly expiresMs: number;
}

/** A value that is kept for others, and where it came from. */
export interface StoredValue {
  /** The bytes whose SHA-256 is its place. */
  readonly key: Uint8Array;
  /** As it was accepted. */
  readonly value: Uint8Array;
  /** Whose share of the room it takes. */
  readonly origin: Origin;
}

/** The values that a node keeps under keys, its own and those of others. */
export class ValueStore {
  readonly #options: ValueStoreOptions;
  readonly #others: QuotaMap<KeptValue>;
  /** The values that this node provides, without a limit. */
  readonly #own = new Map<string, KeptValue>();

  constructor(options: ValueStoreOptions) {
    this.#options = options;
    this.#others = new QuotaMap({ ...QUOTAS, isPresent: options.isPresent });
  }

  /** What it keeps for others. */
  values(): StoredValue[] {
    const values: StoredValue[] = [];
    for (const [name, kept, origin] of [...this.#others.entries()]) {
      if (this.#isExpired(kept)) this.#others.delete(name);
      else values.push({ key: kept.key, value: kept.value, origin });
    }
    return values;
  }

  /**
   * Keeps what this node provides, unless something better came of others.
   *
   * @param before what it provided until now, which a clock that was ahead may
   * have dated later
   */
  putOwn(key: Uint8Array, value: Uint8Array, before?: Uint8Array): void {
    const name = key.toHex();
    const kept = this.#kept(name);
    this.#others.delete(name);
    const { policy } = this.#options;
    const isWorse = kept !== undefined && kept.value !== before &&
      policy.isBetter(kept.value, value);
    this.#own.set(name, isWorse ? kept : this.#keptNow(key, value));
  }

  /** Forgets a value. */
  delete(key: Uint8Array): void {
    const name = key.toHex();
    this.#own.delete(name);
    this.#others.delete(name);
  }

  /**
   * Keeps an accepted value of others.
   *
   * @returns why not: a better one is kept, or there is no room
   */
  put(key: Uint8Array, value: Uint8Array, origin: Origin): Result<void> {
    const { policy, clock, place } = this.#options;
    const name = key.toHex();
    const kept = this.#kept(name);
    if (kept !== undefined && policy.isBetter(kept.value, value)) {
      return refuse("a newer one is kept");
    }
    const next = this.#keptNow(key, value);
    if (this.#isExpired(next)) return refuse("it has expired");
    if (this.#own.has(name)) {
      this.#own.set(name, next);
      return ok(undefined);
    }
    const distance = xor(sha256(key), place).toHex();
    const nowMs = clock.monotonic();
    return this.#others.set(name, next, { origin, distance, nowMs })
      ? ok(undefined)
      : refuse("no room for it");
  }

  /** The record of a key as nodes send it; undefined when none is kept. */
  record(key: Uint8Array): Uint8Array | undefined {
    const kept = this.#kept(key.toHex());
    if (kept === undefined) return undefined;
    const { value, receivedAtMs, expiresMs } = kept;
    const leftMs = expiresMs - this.#options.clock.now();
    const ttlSeconds = Math.ceil(Math.min(leftMs, MAX_TTL_MS) / 1000);
    return encodeRecord({ key, value, ttlSeconds, receivedAtMs });
  }

  #keptNow(key: Uint8Array, value: Uint8Array): KeptValue {
    const { policy, clock } = this.#options;
    return {
      key,
      value,
      receivedAtMs: clock.now(),
      expiresMs: policy.expiresMs(value),
    };
  }

  #kept(name: string): KeptValue | undefined {
    const kept = this.#own.get(name) ?? this.#others.get(name);
    if (kept === undefined || !this.#isExpired(kept)) return kept;
    this.#own.delete(name);
    this.#others.delete(name);
    return undefined;
  }

  #isExpired({ expiresMs }: KeptValue): boolean {
    return expiresMs <= this.#options.clock.now();
  }
}

/** Two days: how long nodes keep what says nothing else. */
const MAX_TTL_MS = 48 * 3600_000;
