import { encodeMessage, MAX_PACKET_BYTES } from "../dns/encode_message.ts";
import {
  type DnsMessage,
  type DnsQuestion,
  type DnsRecord,
  DnsType,
  queryMessage,
  recordKey,
} from "../dns/message.ts";
import { type DnsName, foldName } from "../dns/name.ts";
import { AnswerQueue } from "./answer_queue.ts";
import {
  additionalsTo,
  AnswerIndex,
  answersTo,
  distinctRecords,
  withoutKnown,
} from "./answers.ts";
import { type Claim, ClaimRegister } from "./claim_register.ts";
import { compareClaims } from "./compare_claims.ts";
import { legacyPackets, probePackets, responsePackets } from "./packets.ts";
import { type Endpoint, MDNS_PORT } from "./socket.ts";
import { TruncatedQueries } from "./truncated_queries.ts";

/** What to do, in order. */
export type ResponderAction =
  | { readonly kind: "multicast"; readonly packet: Uint8Array }
  | {
    readonly kind: "unicast";
    readonly packet: Uint8Array;
    readonly to: Endpoint;
  }
  /** No host objected to the claim; it is being announced. */
  | { readonly kind: "established"; readonly id: string }
  /** Another host has the name: claim another one. */
  | {
    readonly kind: "conflict";
    readonly id: string;
    readonly name: DnsName;
  };

/** What a responder needs to know beyond its claims. */
export interface ResponderOptions {
  /** 0 to below 1. */
  readonly random: () => number;
  /**
   * Whether a host is reached over the link itself, and over no other that
   * answers it.
   */
  readonly answersAlone: (address: string) => boolean;
  /**
   * Whether a record is ours on any link, or was until lately: our own packets
   * come back on every link of the same LAN.
   */
  readonly isOurs: (record: DnsRecord) => boolean;
  /** Whether a packet's source is this host on this link. */
  readonly isSelf: (address: string) => boolean;
  /** Answered as long as there is any claim, and never taken leave of. */
  readonly common: readonly DnsRecord[];
}

/** RFC 6762 section 6: answers that others give too are spread over this. */
const SHARED_DELAY_MS = [20, 120] as const;
/**
 * Questions that a one-shot query may have: a resolver has one. With a packet
 * full of them, each of many answers would take a packet as large.
 */
const MAX_REPEATED_BYTES = MAX_PACKET_BYTES / 2;
/**
 * Answers to a one-shot query. A simple resolver takes one packet, a client of
 * ours tells no more of one host (MAX_TOLD_PER_HOST); all of ten thousand images
 * took a provider five seconds for each box that asked.
 */
const MAX_ONE_SHOT_ANSWERS = 100;
/** RFC 6762 section 6: how often a record is multicast, and to a prober. */
const RATE_LIMIT_MS = 1000;
const PROBE_RATE_LIMIT_MS = 250;

/** Claims, and the packets that probe for their names. */
interface Probes {
  readonly claims: readonly Claim[];
  readonly packets: readonly Uint8Array[];
}

const NO_PROBES: Probes = { claims: [], packets: [] };

/**
 * Answers for our names on one link (RFC 6762, RFC 6763). It only decides:
 * sockets and timers are the caller's, which calls `tick` at `nextDueMs` and
 * does what each call returns.
 */
export class MdnsResponder {
  readonly #options: ResponderOptions;
  readonly #claims: ClaimRegister;
  readonly #queue = new AnswerQueue();
  readonly #truncated: TruncatedQueries;
  #setClaims: ReadonlyMap<string, Claim> | undefined;
  #index = new AnswerIndex([]);
  #oneShotIndex = this.#index;
  #indexRevision = 0;
  /** What was probed for last, until something is established. */
  #probes = NO_PROBES;

  constructor(options: ResponderOptions) {
    this.#options = options;
    this.#claims = new ClaimRegister(options.random);
    this.#truncated = new TruncatedQueries(options.random);
  }

  /**
   * Makes the claims exactly these: new ones are probed and announced, changed
   * ones announced, missing ones withdrawn.
   *
   * @param claims the same object stands for the same claims
   * @param nowMs monotonic
   */
  setClaims(
    claims: ReadonlyMap<string, Claim>,
    nowMs: number,
  ): ResponderAction[] {
    if (claims === this.#setClaims) return this.tick(nowMs);
    this.#setClaims = claims;
    for (const id of this.#claims.ids()) {
      if (!claims.has(id)) this.#claims.remove(id, nowMs);
    }
    for (const [id, claim] of claims) this.#claims.set(id, claim, nowMs);
    return this.tick(nowMs);
  }

  /**
   * Hosts on the link may not have heard of us (RFC 6762 section 8): announces
   * again what is established, without probing, which would delay answers to
   * those who ask just now; another owner of a name objects to announcements as
   * well (section 9).
   */
  announceAgain(nowMs: number): ResponderAction[] {
    this.#claims.announceAgain(nowMs);
    return this.tick(nowMs);
  }

  /** Whether the claim is announced and answered for. */
  isEstablished(id: string): boolean {
    return this.#claims.isEstablished(id);
  }

  /** When `tick` has something to do next, `Infinity` for never. */
  nextDueMs(): number {
    return Math.min(
      this.#claims.nextDueMs(),
      this.#queue.nextDueMs(),
      this.#truncated.nextDueMs(),
    );
  }

  /** Takes in a packet that came over the link. */
  receive(
    message: DnsMessage,
    from: Endpoint,
    nowMs: number,
  ): ResponderAction[] {
    const actions = message.isResponse
      ? this.#receiveResponse(message, from, nowMs)
      : this.#receiveQuery(message, from, nowMs);
    return [...actions, ...this.tick(nowMs)];
  }

  /** Does what is due. */
  tick(nowMs: number): ResponderAction[] {
    const actions: ResponderAction[] = [];
    for (const { message, from } of this.#truncated.take(nowMs)) {
      this.#breakTies(message, nowMs);
      actions.push(...this.#answer(message, from, nowMs, 0));
    }
    const due = this.#claims.take(nowMs);
    for (const id of due.established) actions.push({ kind: "established", id });
    if (due.established.length > 0) this.#probes = NO_PROBES;
    if (due.goodbyes.length > 0) {
      due.goodbyes.forEach((record) => this.#queue.forget(record));
      actions.push(...multicasts(responsePackets(due.goodbyes, () => [])));
    }
    if (due.probes.length > 0) {
      actions.push(...multicasts(this.#probePackets(due.probes)));
    }
    if (due.announcements.length > 0) {
      const records = distinctRecords([
        ...this.#options.common,
        ...due.announcements,
      ]);
      this.#queue.sent(records, nowMs);
      actions.push(...multicasts(responsePackets(records, () => [])));
    }
    const answers = this.#queue.take(nowMs);
    if (answers.length > 0) {
      const packets = responsePackets(answers, this.#additionalsOf);
      actions.push(...multicasts(packets));
    }
    return actions;
  }

  /** Each probe is sent three times, of thousands of names as well. */
  #probePackets(claims: readonly Claim[]): readonly Uint8Array[] {
    const before = this.#probes;
    const isAgain = claims.length === before.claims.length &&
      claims.every((claim, index) => claim === before.claims[index]);
    if (!isAgain) this.#probes = { claims, packets: probePackets(claims) };
    return this.#probes.packets;
  }

  #receiveResponse(
    { answers, additionals }: DnsMessage,
    from: Endpoint,
    nowMs: number,
  ): ResponderAction[] {
    // RFC 6762 section 6: responses come from port 5353, or are forged.
    if (from.port !== MDNS_PORT) return [];
    const actions: ResponderAction[] = [];
    for (const record of [...answers, ...additionals]) {
      if (record.ttlSeconds === 0) {
        this.#rescue(record, nowMs);
        continue;
      }
      // Section 7.4 is about others: what we hear of ourselves may be older
      // than the question that waits for its answer.
      if (!this.#options.isSelf(from.address)) this.#queue.drop(record);
      // An NSEC record only says what there is besides; that comes as well.
      if (record.type === DnsType.NSEC || this.#options.isOurs(record)) {
        continue;
      }
      const id = this.#claims.contest(record, nowMs);
      if (id !== undefined) {
        actions.push({ kind: "conflict", id, name: record.name });
      }
    }
    return actions;
  }

  /**
   * Another responder, perhaps of this host, took leave of what is ours too:
   * within a second it can be said again (RFC 6762 section 10.1).
   */
  #rescue(gone: DnsRecord, nowMs: number): void {
    const key = recordKey(gone);
    const ours = this.#answers().named(gone.name)
      .filter((record) => recordKey(record) === key);
    this.#queue.add(ours, {
      delayMs: this.#between(SHARED_DELAY_MS),
      gapMs: PROBE_RATE_LIMIT_MS,
      nowMs,
    });
  }

  #receiveQuery(
    message: DnsMessage,
    from: Endpoint,
    nowMs: number,
  ): ResponderAction[] {
    if (this.#truncated.add(message, from, nowMs)) return [];
    this.#breakTies(message, nowMs);
    return this.#answer(message, from, nowMs, undefined);
  }

  /** Another host may be probing for a name that we are probing for. */
  #breakTies({ questions, authorities }: DnsMessage, nowMs: number): void {
    if (authorities.length === 0) return;
    const proposed = Map.groupBy(authorities, ({ name }) => foldName(name));
    for (const name of new Set(questions.map((q) => foldName(q.name)))) {
      const claim = this.#claims.probed(name);
      const theirs = proposed.get(name);
      if (claim === undefined || theirs === undefined) continue;
      if (theirs.every(this.#options.isOurs)) continue;
      if (compareClaims(claim.unique, theirs) < 0) {
        this.#claims.yieldTo(name, nowMs);
      }
    }
  }

  /** @param delayMs how long multicast answers wait; undefined: as usual */
  #answer(
    message: DnsMessage,
    from: Endpoint,
    nowMs: number,
    delayMs: number | undefined,
  ): ResponderAction[] {
    if (from.port !== MDNS_PORT) return this.#answerOneShot(message, from);
    const { questions, answers: known, authorities } = message;
    const index = this.#answers();
    const answer = (asked: readonly DnsQuestion[]) =>
      withoutKnown(answersTo(asked, index), known);
    const isProbe = authorities.length > 0;
    const isAnsweredAlone = questions.some((q) => q.unicastResponse) &&
      this.#options.answersAlone(from.address);
    const wantsUnicast = (q: DnsQuestion) =>
      q.unicastResponse && isAnsweredAlone;
    const direct = answer(questions.filter(wantsUnicast));
    const spoken = distinctRecords([
      ...answer(questions.filter((q) => isProbe || !wantsUnicast(q))),
      // Section 5.4: an answer by unicast still keeps caches fresh.
      ...direct.filter((r) =>
        this.#queue.lastSentMs(r) < nowMs - r.ttlSeconds * 1000 / 4
      ),
    ]);
    const prompt = isProbe ||
      (questions.length === 1 && spoken.every((r) => r.cacheFlush));
    this.#queue.add(spoken, {
      delayMs: delayMs ?? (prompt ? 0 : this.#between(SHARED_DELAY_MS)),
      gapMs: isProbe ? PROBE_RATE_LIMIT_MS : RATE_LIMIT_MS,
      nowMs,
    });
    return unicasts(responsePackets(direct, this.#additionalsOf), from);
  }

  /**
   * RFC 6762 section 6.7: a host that asks from another port than 5353 is a
   * simple resolver, or a client that wants its answer without delay.
   */
  #answerOneShot(
    { id, questions, answers: known }: DnsMessage,
    from: Endpoint,
  ): ResponderAction[] {
    // Section 11: nothing is told to those beyond the link.
    if (!this.#options.answersAlone(from.address)) return [];
    // They are repeated in each packet of the answer.
    if (encodedLength(questions) > MAX_REPEATED_BYTES) return [];
    const index = this.#answers(true);
    const answers = withoutKnown(answersTo(questions, index), known)
      .slice(0, MAX_ONE_SHOT_ANSWERS);
    const additionals = (answer: DnsRecord) => additionalsTo([answer], index);
    const packets = legacyPackets(answers, additionals, { id, questions });
    return unicasts(packets, from);
  }

  readonly #additionalsOf = (answer: DnsRecord) =>
    additionalsTo([answer], this.#answers());

  #answers(isOneShot = false): AnswerIndex {
    if (this.#indexRevision !== this.#claims.revision) {
      const records = this.#claims.records();
      const oneShot = this.#claims.oneShotRecords();
      this.#index = this.#indexOf(records);
      this.#oneShotIndex = oneShot.length === records.length
        ? this.#index
        : this.#indexOf(oneShot);
      this.#indexRevision = this.#claims.revision;
    }
    return isOneShot ? this.#oneShotIndex : this.#index;
  }

  #indexOf(records: readonly DnsRecord[]): AnswerIndex {
    return new AnswerIndex(
      records.length === 0 ? [] : [...this.#options.common, ...records],
    );
  }

  #between([least, most]: readonly [number, number]): number {
    return least + this.#options.random() * (most - least);
  }
}

function multicasts(packets: readonly Uint8Array[]): ResponderAction[] {
  return packets.map((packet) => ({ kind: "multicast", packet }));
}

function unicasts(
  packets: readonly Uint8Array[],
  to: Endpoint,
): ResponderAction[] {
  return packets.map((packet) => ({ kind: "unicast", packet, to }));
}

function encodedLength(questions: readonly DnsQuestion[]): number {
  return encodeMessage(queryMessage(questions)).length;
}
