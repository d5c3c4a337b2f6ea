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
  const packets: Uint8Array[] = [];
  let current: ResponseContent = { answers: [], additionals: [] };
  const encode = (content: ResponseContent) =>
    encodeMessage(responseMessage(content.answers, {
      ...head,
      additionals: content.additionals,
    }));
  for (const answer of answers) {
    const extras = additionalsOf(answer)
      .filter((r) => !answered.has(recordKey(r)));
    const grown = extend(current, answer, extras);
    if (encode(grown).length <= MAX_PACKET_BYTES) {
      current = grown;
      continue;
    }
    if (current.answers.length > 0) packets.push(encode(current));
    // An answer too large for a packet of its own goes without the rest.
    const alone = extend({ answers: [], additionals: [] }, answer, extras);
    current = encode(alone).length <= MAX_PACKET_BYTES
      ? alone
      : { answers: [answer], additionals: [] };
  }
  if (current.answers.length > 0) packets.push(encode(current));
  return packets;
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

/** Packs parts of queries into as few packets as fit the wire. */
export function queryPackets(parts: readonly QueryPart[]): Uint8Array[] {
  const packets: Uint8Array[] = [];
  let current: Uint8Array | undefined;
  let merged: QueryPart = { questions: [] };
  for (const part of parts) {
    const grown = mergeParts(merged, part);
    const packet = encodeMessage(queryMessage(grown.questions, grown));
    if (current !== undefined && packet.length > MAX_PACKET_BYTES) {
      packets.push(current);
      merged = part;
      current = encodeMessage(queryMessage(part.questions, part));
    } else [merged, current] = [grown, packet];
  }
  return current === undefined ? packets : [...packets, current];
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
 * Packs the questions whether names are free (RFC 6762 section 8.1), without
 * the cache-flush bit, for nothing is ours yet (section 10.2). They are to be
 * answered by multicast, though unicast is preferred there: our socket is bound
 * to the group and gets no unicast (see system_network.ts).
 */
export function probePackets(claims: readonly Claim[]): Uint8Array[] {
  return queryPackets(claims.map(({ name, unique }) => ({
    questions: [{ name, type: DnsType.ANY, unicastResponse: false }],
    authorities: unique.map((record) => ({ ...record, cacheFlush: false })),
  })));
}

interface ResponseContent {
  readonly answers: readonly DnsRecord[];
  readonly additionals: readonly DnsRecord[];
}

function extend(
  { answers, additionals }: ResponseContent,
  answer: DnsRecord,
  extras: readonly DnsRecord[],
): ResponseContent {
  const present = new Set(additionals.map(recordKey));
  return {
    answers: [...answers, answer],
    additionals: [
      ...additionals,
      ...extras.filter((r) => !present.has(recordKey(r))),
    ],
  };
}

function mergeParts(a: QueryPart, b: QueryPart): QueryPart {
  return {
    questions: [...a.questions, ...b.questions],
    answers: [...a.answers ?? [], ...b.answers ?? []],
    authorities: [...a.authorities ?? [], ...b.authorities ?? []],
  };
}
