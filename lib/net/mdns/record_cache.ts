import { type DnsRecord, recordKey } from "../dns/message.ts";
import { type DnsName, foldName } from "../dns/name.ts";
import { LEGACY_TTL_SECONDS } from "./record_ttls.ts";

/** Enough for any LAN, and a bound for what a hostile one makes us keep. */
const MAX_RECORDS = 2000;

interface CachedRecord {
  readonly record: DnsRecord;
  readonly expiresMs: number;
}

/** What was heard on one link, as long as it holds. */
export class RecordCache {
  /** By name in lower case, then by record key. */
  readonly #names = new Map<DnsName, Map<string, CachedRecord>>();
  #size = 0;

  /**
   * Takes in the records of one response. TTL 0 takes a record back, and the
   * cache-flush bit replaces what was heard before of the name and type
   * (RFC 6762 section 10, without the second of grace: what is found is
   * verified before it is used).
   */
  add(records: readonly DnsRecord[], nowMs: number): void {
    const keys = new Set(records.map(recordKey));
    for (const record of records) {
      this.#deleteFrom(record.name, (key, old) =>
        old.expiresMs <= nowMs ||
        (record.cacheFlush && old.record.type === record.type &&
          !keys.has(key)));
      if (record.ttlSeconds === 0) {
        this.#deleteFrom(record.name, (key) => key === recordKey(record));
      } else this.#put(record, nowMs);
    }
  }

  /** The records of a name and type, in the order they were heard. */
  find<T extends DnsRecord["type"]>(
    name: DnsName,
    type: T,
    nowMs: number,
  ): Extract<DnsRecord, { type: T }>[] {
    const isOfType = (
      record: DnsRecord,
    ): record is Extract<DnsRecord, { type: T }> => record.type === type;
    return this.#held(name, nowMs).map(({ record }) => record).filter(isOfType);
  }

  /**
   * The known answers for a query: records with more than half of their life
   * left, and the TTL that remains (RFC 6762 section 7.1). What a unicast
   * answer brought has a TTL of seconds (section 6.7) and is asked for again.
   */
  known(name: DnsName, nowMs: number): DnsRecord[] {
    return this.#held(name, nowMs).flatMap(({ record, expiresMs }) => {
      const leftSeconds = Math.floor((expiresMs - nowMs) / 1000);
      return record.ttlSeconds > LEGACY_TTL_SECONDS &&
          leftSeconds > record.ttlSeconds / 2
        ? [{ ...record, ttlSeconds: leftSeconds, cacheFlush: false }]
        : [];
    });
  }

  #held(name: DnsName, nowMs: number): CachedRecord[] {
    return [...this.#names.get(foldName(name))?.values() ?? []]
      .filter((cached) => cached.expiresMs > nowMs);
  }

  #put(record: DnsRecord, nowMs: number): void {
    const key = recordKey(record);
    const name = foldName(record.name);
    const named = this.#names.get(name) ?? new Map<string, CachedRecord>();
    const expiresMs = nowMs + record.ttlSeconds * 1000;
    const before = named.get(key);
    if (before === undefined) {
      if (this.#size >= MAX_RECORDS) this.#dropOldest();
      this.#size++;
    } else if (
      record.ttlSeconds <= LEGACY_TTL_SECONDS && before.expiresMs > expiresMs
    ) {
      return; // told to all, and to us alone once more
    }
    this.#names.set(name, named.set(key, { record, expiresMs }));
  }

  /** A host that floods us must not keep us from hearing others. */
  #dropOldest(): void {
    for (const [name, named] of this.#names) {
      for (const key of named.keys()) {
        named.delete(key);
        this.#size--;
        if (named.size === 0) this.#names.delete(name);
        return;
      }
    }
  }

  #deleteFrom(
    name: DnsName,
    goes: (key: string, cached: CachedRecord) => boolean,
  ): void {
    const named = this.#names.get(foldName(name));
    for (const [key, cached] of named ?? []) {
      if (!goes(key, cached)) continue;
      named?.delete(key);
      this.#size--;
    }
    if (named?.size === 0) this.#names.delete(foldName(name));
  }
}
