import {
  type DnsQuestion,
  type DnsRecord,
  DnsType,
  recordKey,
} from "./dns_message.ts";
import { type DnsName, sameName } from "./dns_name.ts";

/**
 * The records that answer a question. When we alone own the name but have
 * nothing of the type asked for, an NSEC record says that there is none
 * (RFC 6762 section 6.1).
 *
 * @param records everything we answer with on the link
 */
export function answersTo(
  question: DnsQuestion,
  records: readonly DnsRecord[],
): DnsRecord[] {
  const named = records.filter((r) => sameName(r.name, question.name));
  const answers = named.filter((r) =>
    question.type === DnsType.ANY || question.type === r.type
  );
  if (answers.length > 0 || !named.some((r) => r.cacheFlush)) return answers;
  return [negativeRecord(question.name, named)];
}

/**
 * What the asker will want to know next (RFC 6763 section 12): of a PTR record
 * the instance's SRV and TXT, of an SRV record the host's addresses, of one
 * address the others.
 *
 * @returns none of `answers` again
 */
export function additionalsTo(
  answers: readonly DnsRecord[],
  records: readonly DnsRecord[],
): DnsRecord[] {
  const all = new RecordSet(answers);
  const additionals: DnsRecord[] = [];
  const add = (record: DnsRecord) => {
    if (all.add(record)) additionals.push(record);
  };
  const addAddresses = (host: DnsName) => {
    const named = records.filter((r) => sameName(r.name, host));
    named.filter(isAddress).forEach(add);
    const missing = [DnsType.A, DnsType.AAAA]
      .some((type) => !named.some((r) => r.type === type));
    if (named.some(isAddress) && missing) add(negativeRecord(host, named));
  };
  for (const record of answers) {
    if (record.type !== DnsType.PTR) continue;
    records.filter((r) => r.cacheFlush && sameName(r.name, record.target))
      .forEach(add);
  }
  for (const record of [...answers, ...additionals]) {
    if (record.type === DnsType.SRV) addAddresses(record.service.target);
    if (isAddress(record)) addAddresses(record.name);
  }
  return additionals;
}

/**
 * Leaves out what the asker knows already: the same record with at least half
 * of its time to live left (RFC 6762 section 7.1).
 */
export function withoutKnown(
  answers: readonly DnsRecord[],
  known: readonly DnsRecord[],
): DnsRecord[] {
  const ttls = new Map(known.map((r) => [recordKey(r), r.ttlSeconds]));
  return answers.filter((r) =>
    (ttls.get(recordKey(r)) ?? -1) < r.ttlSeconds / 2
  );
}

/** Each record once, in the order of first sight. */
export function distinctRecords(records: Iterable<DnsRecord>): DnsRecord[] {
  const set = new RecordSet();
  return [...records].filter((record) => set.add(record));
}

/** The types that exist of a name, and by that all that do not. */
function negativeRecord(
  name: DnsName,
  named: readonly DnsRecord[],
): DnsRecord {
  const ttls = named.map((r) => r.ttlSeconds);
  return {
    name: named[0]?.name ?? name,
    type: DnsType.NSEC,
    ttlSeconds: Math.min(...ttls),
    cacheFlush: true,
    nextName: named[0]?.name ?? name,
    types: [...new Set(named.map((r) => r.type))].sort((a, b) => a - b),
  };
}

function isAddress(record: DnsRecord): boolean {
  return record.type === DnsType.A || record.type === DnsType.AAAA;
}

class RecordSet {
  readonly #keys: Set<string>;

  constructor(records: readonly DnsRecord[] = []) {
    this.#keys = new Set(records.map(recordKey));
  }

  /** Whether it was not in there yet. */
  add(record: DnsRecord): boolean {
    const key = recordKey(record);
    if (this.#keys.has(key)) return false;
    this.#keys.add(key);
    return true;
  }
}
