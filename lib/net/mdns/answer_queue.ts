import { type DnsRecord, recordKey } from "../dns/message.ts";

/** An answer that waits to be multicast. */
interface Waiting {
  readonly record: DnsRecord;
  /** Not before: the rate limit. */
  readonly earliestMs: number;
  /** When it is sent at the latest. */
  readonly dueMs: number;
}

/** How long the time of the last sending of a record matters: 4500 s / 4. */
const LONGEST_MEMORY_MS = 1_125_000;

/**
 * The answers about to be multicast on one link. It gathers them into common
 * packets, and sends no record twice within the rate limit of RFC 6762
 * section 6.2. What comes too early is sent when the limit ends, not dropped:
 * of 40 clients that boot together all are then answered, else only the first.
 */
export class AnswerQueue {
  readonly #waiting = new Map<string, Waiting>();
  readonly #sentMs = new Map<string, number>();

  /**
   * Queues answers.
   *
   * @param delayMs how long to wait for others to join
   * @param gapMs how long after its last multicast a record may be sent again
   */
  add(
    records: readonly DnsRecord[],
    { delayMs, gapMs, nowMs }: {
      readonly delayMs: number;
      readonly gapMs: number;
      readonly nowMs: number;
    },
  ): void {
    for (const record of records) {
      const key = recordKey(record);
      const earliestMs = (this.#sentMs.get(key) ?? -Infinity) + gapMs;
      const dueMs = Math.max(nowMs + delayMs, earliestMs);
      const waiting = this.#waiting.get(key);
      if (waiting === undefined || dueMs < waiting.dueMs) {
        this.#waiting.set(key, { record, earliestMs, dueMs });
      }
    }
  }

  /**
   * Another host sent the same record (RFC 6762 section 7.4).
   *
   * @param record as it was said; one that lives shorter than ours is not enough
   */
  drop(record: DnsRecord): void {
    const key = recordKey(record);
    const waiting = this.#waiting.get(key);
    if (waiting && record.ttlSeconds >= waiting.record.ttlSeconds) {
      this.#waiting.delete(key);
    }
  }

  /** The record is no longer ours: neither answered nor remembered. */
  forget(record: DnsRecord): void {
    this.#waiting.delete(recordKey(record));
    this.#sentMs.delete(recordKey(record));
  }

  /** Notes that records are multicast now. */
  sent(records: readonly DnsRecord[], nowMs: number): void {
    for (const [key, ms] of this.#sentMs) {
      if (ms < nowMs - LONGEST_MEMORY_MS) this.#sentMs.delete(key);
    }
    for (const record of records) {
      this.#sentMs.set(recordKey(record), nowMs);
      this.#waiting.delete(recordKey(record));
    }
  }

  /** When the record was last multicast, `-Infinity` for never. */
  lastSentMs(record: DnsRecord): number {
    return this.#sentMs.get(recordKey(record)) ?? -Infinity;
  }

  /**
   * Takes out what to send now: nothing until a record is due, then everything
   * that may go with it.
   */
  take(nowMs: number): DnsRecord[] {
    if (this.nextDueMs() > nowMs) return [];
    const records = [...this.#waiting.values()]
      .filter((waiting) => waiting.earliestMs <= nowMs)
      .map((waiting) => waiting.record);
    this.sent(records, nowMs);
    return records;
  }

  /** When to send next; `Infinity` when nothing waits. */
  nextDueMs(): number {
    return Math.min(
      Infinity,
      ...[...this.#waiting.values()].map((waiting) => waiting.dueMs),
    );
  }
}
