import {
  type DnsQuestion,
  type DnsRecord,
  DnsType,
  recordKey,
} from "../dns/message.ts";
import { type DnsName, foldName } from "../dns/name.ts";

/** Everything we answer with on a link, by name. */
export class AnswerIndex {
  readonly #byName: ReadonlyMap<DnsName, readonly DnsRecord[]>;

  /** Sorts records by name; each name's are answered in the order given. */
  constructor(records: Iterable<DnsRecord>) {
    this.#byName = Map.groupBy(
      distinctRecords(records),
      ({ name }) => foldName(name),
    );
  }

  named(name: DnsName): readonly DnsRecord[] {
    return this.#byName.get(foldName(name)) ?? [];
  }
}

/**
 * The records that answer questions. When we alone own a name but have nothing
 * of the type asked for, an NSEC record says that there is none (RFC 6762
 * section 6.1).
 */
export function answersTo(
  questions: readonly DnsQuestion[],
  index: AnswerIndex,
): DnsRecord[] {
  const distinct = new Map(
    questions.map((q) => [`${foldName(q.name)}|${q.type}`, q]),
  );
  return distinctRecords(
    [...distinct.values()].flatMap(({ name, type }) => {
      const named = index.named(name);
      const answers = named.filter((record) =>
        type === DnsType.ANY || type === record.type
      );
      return answers.length === 0 && named.some((r) => r.cacheFlush)
        ? negativeRecords(named)
        : answers;
    }),
  );
}

/**
 * The records that the querier will need next (RFC 6763 section 12): for a PTR
 * record the instance's SRV and TXT, for an SRV record the host's addresses,
 * for one address the others.
 *
 * @returns none of `answers` again
 */
export function additionalsTo(
  answers: readonly DnsRecord[],
  index: AnswerIndex,
): DnsRecord[] {
  const instances = answers.flatMap((record) =>
    record.type === DnsType.PTR
      ? index.named(record.target).filter((r) => r.cacheFlush)
      : []
  );
  const hosts = new Set(
    [...answers, ...instances].flatMap((record) =>
      record.type === DnsType.SRV
        ? [record.service.target]
        : record.type === DnsType.A || record.type === DnsType.AAAA
        ? [record.name]
        : []
    ),
  );
  const addresses = [...hosts].flatMap((host) => {
    const named = index.named(host);
    const types = new Set(named.map((record) => record.type));
    return types.has(DnsType.A) && types.has(DnsType.AAAA)
      ? named
      : [...named, ...negativeRecords(named)];
  });
  return distinctRecords([...answers, ...instances, ...addresses])
    .slice(answers.length);
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
  return answers.filter((record) =>
    (ttls.get(recordKey(record)) ?? -1) < record.ttlSeconds / 2
  );
}

/** Each record once, in the order of first sight. */
export function distinctRecords(records: Iterable<DnsRecord>): DnsRecord[] {
  const byKey = new Map<string, DnsRecord>();
  for (const record of records) {
    const key = recordKey(record);
    if (!byKey.has(key)) byKey.set(key, record);
  }
  return [...byKey.values()];
}

/** The types that exist of a name, and by that all that do not. */
function negativeRecords(named: readonly DnsRecord[]): DnsRecord[] {
  const [first] = named;
  return first === undefined ? [] : [{
    name: first.name,
    type: DnsType.NSEC,
    ttlSeconds: Math.min(...named.map((r) => r.ttlSeconds)),
    cacheFlush: true,
    nextName: first.name,
    types: [...new Set(named.map((r) => r.type))].sort((a, b) => a - b),
  }];
}
