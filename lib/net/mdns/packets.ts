import { encodeMessage, MAX_PACKET_BYTES } from "../dns/encode_message.ts";
import {
  type DnsMessage,
  type DnsQuestion,
  type DnsRecord,
  DnsType,
  queryMessage,
  recordKey,
  responseMessage,
} from "../dns/message.ts";
import { distinctRecords } from "./answers.ts";
import type { Claim } from "./claim_register.ts";
import { LEGACY_TTL_SECONDS } from "./record_ttls.ts";

/**
 * Packs answers into as few packets as fit the wire (RFC 6762 section 17),
 * each answer together with what belongs to it.
 *
 * @param additionalsOf what an asker wants beside one answer
 * @param head id and questions to be repeated in each packet
 */
export function responsePackets(
  answers: readonly DnsRecord[],
  additionalsOf: (answer: DnsRecord) => readonly DnsRecord[],
  head: Partial<Pick<DnsMessage, "id" | "questions">> = {},
): Uint8Array[] {
  const answered = new Set(answers.map(recordKey));
  const encode = (contents: readonly AnswerWithExtras[]) =>
    encodeMessage(responseMessage(contents.map(({ answer }) => answer), {
      ...head,
      additionals: distinctRecords(contents.flatMap(({ extras }) => extras)),
    }));
  const contents = answers.map((answer): AnswerWithExtras => {
    const extras = additionalsOf(answer)
      .filter((r) => !answered.has(recordKey(r)));
    // An answer too large for a packet of its own is sent without additional
    // records.
    return extras.length === 0 ||
        encode([{ answer, extras }]).length <= MAX_PACKET_BYTES
      ? { answer, extras }
      : { answer, extras: [] };
  });
  return packStretches(contents, encode).map(({ packet }) => packet);
}

interface AnswerWithExtras {
  readonly answer: DnsRecord;
  readonly extras: readonly DnsRecord[];
}

/** A question and what goes with it: one name's share of a query. */
export interface QueryPart {
  /** About one name. */
  readonly questions: readonly DnsQuestion[];
  /** What we know already. */
  readonly answers?: readonly DnsRecord[];
  /** What we would like to own. */
  readonly authorities?: readonly DnsRecord[];
}

/**
 * Packs parts of queries into as few packets as fit the wire. Known answers
 * that do not fit beside their questions follow in packets of their own, each
 * but the last marked as truncated (RFC 6762 section 7.2).
 */
export function queryPackets(parts: readonly QueryPart[]): Uint8Array[] {
  return packStretches(parts, (some) => encodeQuery(some)).flatMap(
    withKnownAnswers,
  );
}

/** Part of a list, and the packet of it. */
interface Stretch<T> {
  readonly parts: readonly T[];
  readonly packet: Uint8Array;
}

/**
 * Cuts a list into stretches, each as long as fits a packet; what does not fit
 * alone is a stretch of its own.
 */
function packStretches<T>(
  all: readonly T[],
  encode: (parts: readonly T[]) => Uint8Array,
): Stretch<T>[] {
  const stretches: Stretch<T>[] = [];
  let size = 1;
  for (let from = 0; from < all.length; from += size) {
    const take = (count: number): Stretch<T> => {
      const parts = all.slice(from, from + count);
      return { parts, packet: encode(parts) };
    };
    const left = all.length - from;
    // Mostly as long as the one before: thousands of records are not tried out
    // one by one.
    size = Math.min(size, left);
    let stretch = take(size);
    const isShort = fits(stretch);
    while (size > 1 && !fits(stretch)) stretch = take(--size);
    while (isShort && size < left) {
      const longer = take(size + 1);
      if (!fits(longer)) break;
      stretch = longer;
      size++;
    }
    stretches.push(stretch);
  }
  return stretches;
}

function fits({ packet }: Stretch<unknown>): boolean {
  return packet.length <= MAX_PACKET_BYTES;
}

/** The packet of questions, and as many more as their known answers take. */
function withKnownAnswers(
  { parts, packet }: Stretch<QueryPart>,
): Uint8Array[] {
  const known = parts.flatMap((part) => part.answers ?? []);
  if (known.length === 0) return [packet];
  const packets: Uint8Array[] = [];
  let asked = parts;
  let answers: DnsRecord[] = [];
  for (const answer of known) {
    const grown = [...answers, answer];
    if (encodeQuery(asked, grown).length <= MAX_PACKET_BYTES) {
      answers = grown;
      continue;
    }
    packets.push(encodeQuery(asked, answers, { truncated: true }));
    asked = [];
    answers = [answer];
  }
  packets.push(encodeQuery(asked, answers));
  return packets;
}

function encodeQuery(
  parts: readonly QueryPart[],
  answers: readonly DnsRecord[] = [],
  { truncated = false } = {},
): Uint8Array {
  return encodeMessage(queryMessage(parts.flatMap((p) => p.questions), {
    truncated,
    answers,
    authorities: parts.flatMap((p) => p.authorities ?? []),
  }));
}

/**
 * Packs an answer to a simple resolver, which takes it for ordinary DNS: id and
 * questions repeated, no cache-flush bit, and a short life, since it does not
 * hear of changes (RFC 6762 section 6.7).
 */
export function legacyPackets(
  answers: readonly DnsRecord[],
  additionalsOf: (answer: DnsRecord) => readonly DnsRecord[],
  { id, questions }: Pick<DnsMessage, "id" | "questions">,
): Uint8Array[] {
  const legacy = (record: DnsRecord): DnsRecord => ({
    ...record,
    ttlSeconds: Math.min(record.ttlSeconds, LEGACY_TTL_SECONDS),
    cacheFlush: false,
  });
  return responsePackets(
    answers.map(legacy),
    (answer) => additionalsOf(answer).map(legacy),
    {
      id,
      questions: questions.map((q) => ({ ...q, unicastResponse: false })),
    },
  );
}

/**
 * Packs the probes for names (RFC 6762 section 8.1), without the cache-flush
 * bit, since nothing is ours yet (section 10.2). They ask for multicast
 * answers, although unicast is preferred there: our socket is bound to the
 * group and receives no unicast (see system_network.ts).
 */
export function probePackets(claims: readonly Claim[]): Uint8Array[] {
  return queryPackets(claims.map(({ name, unique }) => ({
    questions: [{ name, type: DnsType.ANY, unicastResponse: false }],
    authorities: unique.map((record) => ({ ...record, cacheFlush: false })),
  })));
}
