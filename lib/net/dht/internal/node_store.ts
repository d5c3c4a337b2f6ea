import type { Clock } from "../../../core/clock.ts";
import { keyMultihash, sha256 } from "../message.ts";
import type { PeerConnection, ValueFor } from "../node_options.ts";
import type { RecordRules } from "../record_rules.ts";
import type { DhtState } from "../state.ts";
import { AMINO } from "./amino.ts";
import { ProviderStore } from "./provider_store.ts";
import { ValueStore } from "./value_store.ts";

/** What a store needs. */
export interface NodeStoreOptions {
  /** Decides which values are kept. */
  readonly policy: RecordRules;
  /** For the expiry of values and provider entries. */
  readonly clock: Clock;
  /** How long a provider entry of another node is kept. */
  readonly recordTtlSeconds: number;
  /** Whether this is the public DHT of IPFS, which says that itself. */
  readonly isAmino?: boolean | undefined;
}

interface OwnValue {
  readonly value: Uint8Array;
  readonly valueFor: ValueFor | undefined;
}

/** As long as a value may be, and as what is read may be. */
const MAX_KEYS_BYTES = 4096;

/** All that a node keeps: what it provides itself, and a share for others. */
export class NodeStore {
  /** What is kept under keys. */
  readonly values: ValueStore;
  /** The entries of other providers. */
  readonly providers: ProviderStore;
  readonly #policy: RecordRules;
  /** What this node provides, by the key as text. */
  readonly #own = new Map<string, OwnValue>();
  /** The multihashes of its keys, in hex. */
  readonly #provided = new Set<string>();

  /**
   * Empty.
   *
   * @param multihash of the node's peer id: what is near it is kept longest
   * @param isPresent whether a peer is connected
   */
  constructor(
    { policy, clock, recordTtlSeconds, isAmino = false }: NodeStoreOptions,
    multihash: Uint8Array,
    isPresent?: (peer: string) => boolean,
  ) {
    const place = sha256(multihash);
    this.#policy = policy;
    this.values = new ValueStore({ policy, clock, place, isPresent });
    this.providers = new ProviderStore({
      clock,
      ttlSeconds: isAmino ? AMINO.entrySeconds : recordTtlSeconds,
      addressTtlSeconds: isAmino ? AMINO.addressSeconds : undefined,
      place,
      isPresent,
    });
  }

  /**
   * Answers a read of a key from this node itself with what it provides; for
   * the namespace alone, with the list of its keys.
   *
   * @param ends of the connection that is read over
   */
  async read(
    key: Uint8Array,
    ends: PeerConnection | undefined,
  ): Promise<Uint8Array | undefined> {
    const name = new TextDecoder().decode(key);
    if (name === `/${this.#policy.namespace}/`) return this.#keys();
    const own = this.#own.get(name);
    return ends === undefined || own?.valueFor === undefined
      ? own?.value
      : await own.valueFor(ends);
  }

  /** One a line: its own, then those of others, as many as find room. */
  #keys(): Uint8Array {
    const others = this.records().map(({ key }) => key);
    let room = MAX_KEYS_BYTES;
    const listed = [...new Set([...this.#own.keys(), ...others])]
      .filter((key) => (room -= key.length + 1) >= 0);
    return new TextEncoder().encode(listed.join("\n"));
  }

  /** Whether this node provides the key of a multihash. */
  provides(multihash: Uint8Array): boolean {
    return this.#provided.has(multihash.toHex());
  }

  provide(key: string, value: Uint8Array, valueFor?: ValueFor): void {
    const bytes = new TextEncoder().encode(key);
    const before = this.#own.get(key)?.value;
    this.#own.set(key, { value, valueFor });
    this.#provided.add(keyMultihash(bytes).toHex());
    this.values.putOwn(bytes, value, before);
  }

  /** Has it no longer provide one. */
  withdraw(key: string): void {
    const bytes = new TextEncoder().encode(key);
    this.#own.delete(key);
    this.#provided.delete(keyMultihash(bytes).toHex());
    this.values.delete(bytes);
  }

  /** Takes up what it kept for others before, by the same quotas. */
  async resume(records: DhtState["records"]): Promise<void> {
    for (const { key, value, origin } of records) {
      if (!(await this.#policy.accept(key, value)).ok) continue;
      this.values.put(new TextEncoder().encode(key), value, origin);
    }
  }

  /** What it keeps for others, for the next start. */
  records(): DhtState["records"] {
    return this.values.values().map(({ key, value, origin }) => ({
      key: new TextDecoder().decode(key),
      value,
      origin,
    }));
  }
}
