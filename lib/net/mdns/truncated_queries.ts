import { BoundedMap } from "../../core/bounded_map.ts";
import type { DnsMessage } from "../dns/message.ts";
import type { Endpoint } from "./socket.ts";

/** RFC 6762 section 7.2: more known answers may follow for this long. */
const DELAY_MS = [400, 500] as const;
/** A query that never ends is answered regardless. */
const LIMIT_MS = 2000;
/** More known answers than any client of ours can have. */
const MAX_RECORDS = 1000;
/** Queries of more senders than this do not wait. */
const MAX_QUERIES = 50;

/** A query with everything that followed it. */
export interface WholeQuery {
  /** All its packets in one. */
  readonly message: DnsMessage;
  /** The sender. */
  readonly from: Endpoint;
}

interface Waiting extends WholeQuery {
  readonly dueMs: number;
  readonly latestMs: number;
}

/**
 * Queries whose known answers come in several packets, each but the last
 * marked as truncated: answered when the last has had time to come.
 */
export class TruncatedQueries {
  readonly #random: () => number;
  readonly #waiting = new BoundedMap<string, Waiting>(MAX_QUERIES, "refuse");

  /** Starts without queries; `random` gives 0 to below 1. */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** Takes a query in; false if it is complete and can be answered now. */
  add(message: DnsMessage, from: Endpoint, nowMs: number): boolean {
    const key = `${from.address} ${from.port}`;
    const before = this.#waiting.get(key);
    if (before === undefined) {
      if (!message.truncated) return false;
      const dueMs = nowMs + this.#delayMs();
      const latestMs = nowMs + LIMIT_MS;
      return this.#waiting.set(key, { message, from, dueMs, latestMs });
    }
    const dueMs = message.truncated
      ? Math.min(nowMs + this.#delayMs(), before.latestMs)
      : before.dueMs;
    const joined = join(before.message, message);
    this.#waiting.set(key, { ...before, message: joined, dueMs });
    return true;
  }

  /** Takes out the queries to answer now. */
  take(nowMs: number): WholeQuery[] {
    const due = [...this.#waiting].filter(([, query]) => query.dueMs <= nowMs);
    for (const [key] of due) this.#waiting.delete(key);
    return due.map(([, query]) => query);
  }

  /** When `take` has something next, `Infinity` for never. */
  nextDueMs(): number {
    return Math.min(...[...this.#waiting.values()].map((q) => q.dueMs));
  }

  #delayMs(): number {
    const [least, most] = DELAY_MS;
    return least + this.#random() * (most - least);
  }
}

function join(first: DnsMessage, next: DnsMessage): DnsMessage {
  const { questions, answers, authorities } = first;
  if (questions.length + answers.length + authorities.length > MAX_RECORDS) {
    return first;
  }
  return {
    ...first,
    questions: [...questions, ...next.questions],
    answers: [...answers, ...next.answers],
    authorities: [...authorities, ...next.authorities],
  };
}
