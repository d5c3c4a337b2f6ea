import { encodeMessage } from "../dns/encode_message.ts";
import {
  type DnsMessage,
  type DnsQuestion,
  type DnsRecord,
  DnsType,
  queryMessage,
  recordKey,
} from "../dns/message.ts";
import { type DnsName, foldName, sameName } from "../dns/name.ts";
import { queryPackets } from "./packets.ts";
import { RecordCache } from "./record_cache.ts";
import { type Endpoint, MDNS_PORT, type MdnsSocketKind } from "./socket.ts";

/** What the records of a service instance say. */
export interface ServiceRecords {
  /** The TXT record's strings. */
  readonly txt: readonly Uint8Array[];
  /** The SRV record's target. */
  readonly host: DnsName | undefined;
  /** The SRV record's port. */
  readonly port: number | undefined;
  /** What is known of the target's addresses. */
  readonly addresses: readonly string[];
  /** The address of the host that sent the answer. */
  readonly source: string;
}

/** What to do, and what was learned, in order. */
export type QuerierAction =
  | {
    readonly kind: "ask";
    /** Key of the link. */
    readonly link: string;
    readonly socket: MdnsSocketKind;
    readonly packet: Uint8Array;
  }
  /** An instance was heard of, perhaps again, and has a TXT record. */
  | {
    readonly kind: "instance";
    /** Key of the link it was heard on. */
    readonly link: string;
    readonly instance: DnsName;
    readonly records: ServiceRecords;
  };

/** What a querier looks for, and until when. */
export interface QuerierOptions {
  /** The service type. */
  readonly service: DnsName;
  /** The subtype of those wanted, RFC 6763 section 7.1. */
  readonly subtype: DnsName;
  /** When the search ends, on the monotonic clock; may be `Infinity`. */
  readonly deadlineMs: number;
  /** 0 to below 1. */
  readonly random: () => number;
}

/**
 * When to ask from a port of our own, which is answered without the delay of
 * shared answers (RFC 6762 section 6.7): at once, then for all instances, since
 * some publishers have no subtypes, and to know what else there is within a
 * second; then for both again and again, since a switch may open a port half a
 * minute after it has a carrier, and nothing tells us.
 */
const DIRECT_INTERVALS_MS = [500, 500, 2000, 4000] as const;
/** Boxes that got their power back together must not ask in step. */
const DIRECT_JITTER = 0.25;
/** Before the deadline: time for the answer, and for the manifest. */
const LAST_DIRECT_MS = 1000;

/**
 * When to ask from port 5353, which every responder hears: after 20 to 120 ms,
 * then at intervals from a second on that double each time (RFC 6762 section
 * 5.2), by a factor of our own longer, so as not to stay in step with others.
 */
const FIRST_GROUP_MS = [20, 120] as const;
const FIRST_GROUP_INTERVAL_MS = 1000;
const MAX_GROUP_INTERVAL_MS = 60_000;
const GROUP_STRETCH = 0.25;

/**
 * How many instances per link are asked about, so that a flood is not echoed.
 */
const MAX_FOLLOW_UPS = 50;

interface LinkState {
  readonly cache: RecordCache;
  /** Instances that were asked about once more. */
  readonly followedUp: Set<DnsName>;
  /** Names that another host asks for in our stead (RFC 6762 section 7.3). */
  readonly askedByOthers: Set<DnsName>;
}

/**
 * Looks for the instances of a service on several links (RFC 6762 section 5,
 * RFC 6763). It only decides: sockets and timers are the caller's, which calls
 * `tick` at `nextDueMs` and does what each call returns.
 */
export class MdnsQuerier {
  readonly #service: DnsName;
  readonly #subtype: DnsName;
  readonly #lastDirectMs: number;
  readonly #random: () => number;
  readonly #links = new Map<string, LinkState>();
  #nextDirectMs = Infinity;
  #directRounds = 0;
  #lastGroupMs = 0;
  #nextGroupMs = Infinity;
  /** The interval between the next round and the one after it. */
  #groupIntervalMs = FIRST_GROUP_INTERVAL_MS;
  #hasAskedGroup = false;

  constructor({ service, subtype, deadlineMs, random }: QuerierOptions) {
    this.#service = foldName(service);
    this.#subtype = foldName(subtype);
    this.#lastDirectMs = deadlineMs - LAST_DIRECT_MS;
    this.#random = random;
  }

  /**
   * A link can be used, or something changed there: asks at once, and starts
   * the rounds anew. What was heard there still holds.
   */
  linkUp(link: string, nowMs: number): QuerierAction[] {
    const [least, most] = FIRST_GROUP_MS;
    this.#lastGroupMs = nowMs;
    this.#nextGroupMs = nowMs + least + this.#random() * (most - least);
    this.#groupIntervalMs = FIRST_GROUP_INTERVAL_MS *
      (1 + this.#random() * GROUP_STRETCH);
    this.#hasAskedGroup = false;
    this.#directRounds = 0;
    this.#planDirect(nowMs);
    if (!this.#links.has(link)) {
      this.#links.set(link, {
        cache: new RecordCache(),
        followedUp: new Set(),
        askedByOthers: new Set(),
      });
    }
    return [this.#askDirectly(link, [pointerQuestion(this.#subtype)])];
  }

  /** A link is gone, and what was heard there no longer holds. */
  linkDown(link: string): void {
    this.#links.delete(link);
  }

  /** When `tick` has something to do next, `Infinity` before any link is up. */
  nextDueMs(): number {
    return Math.min(this.#nextDirectMs, this.#nextGroupMs);
  }

  /** Does what is due. */
  tick(nowMs: number): QuerierAction[] {
    return [
      ...nowMs >= this.#nextGroupMs ? this.#askEverybody(nowMs) : [],
      ...nowMs >= this.#nextDirectMs ? this.#askAllDirectly(nowMs) : [],
    ];
  }

  /** Takes in a packet that came from a host on the link. */
  receive(
    link: string,
    message: DnsMessage,
    from: Endpoint,
    nowMs: number,
  ): QuerierAction[] {
    const state = this.#links.get(link);
    // RFC 6762 sections 6 and 11: responses come from port 5353. What is asked
    // from another one is not answered to everybody.
    if (state === undefined || from.port !== MDNS_PORT) return [];
    if (!message.isResponse) {
      this.#noteQuestions(message, state, nowMs);
      return this.tick(nowMs);
    }
    // avahi puts into the answers what others put into the additionals.
    const records = [...message.answers, ...message.additionals];
    state.cache.add(records, nowMs);
    const instances = new Set(records.flatMap((r) => this.#instanceOf(r)));
    return [
      ...[...instances].flatMap((instance) =>
        this.#look(link, state, instance, from, nowMs)
      ),
      ...this.tick(nowMs),
    ];
  }

  /** A query from port 5353, with the known answers. */
  #askEverybody(nowMs: number): QuerierAction[] {
    const names = this.#hasAskedGroup
      ? [this.#subtype, this.#service]
      : [this.#subtype];
    this.#hasAskedGroup = true;
    this.#lastGroupMs = nowMs;
    this.#nextGroupMs = nowMs + this.#groupIntervalMs;
    this.#groupIntervalMs = Math.min(
      2 * this.#groupIntervalMs,
      MAX_GROUP_INTERVAL_MS,
    );
    return [...this.#links].flatMap(([link, { cache, askedByOthers }]) => {
      const left = names.filter((name) => !askedByOthers.has(name));
      askedByOthers.clear();
      return queryPackets(left.map((name) => ({
        questions: [pointerQuestion(name)],
        answers: cache.known(name, nowMs),
      }))).map((packet) => ({ kind: "ask", link, socket: "group", packet }));
    });
  }

  #askAllDirectly(nowMs: number): QuerierAction[] {
    const names = this.#directRounds === 1
      ? [this.#service]
      : [this.#subtype, this.#service];
    this.#planDirect(nowMs);
    return [...this.#links.keys()].map((link) =>
      this.#askDirectly(link, names.map(pointerQuestion))
    );
  }

  #planDirect(nowMs: number): void {
    const intervalMs = DIRECT_INTERVALS_MS[this.#directRounds++] ??
      DIRECT_INTERVALS_MS[3];
    const jitter = (this.#random() - 0.5) * DIRECT_JITTER;
    const nextMs = nowMs + intervalMs * (1 + jitter);
    this.#nextDirectMs = nowMs < this.#lastDirectMs
      ? Math.min(nextMs, this.#lastDirectMs)
      : nextMs;
  }

  /**
   * What another host asks of everybody need not be asked again, where it would
   * take the same answers as we (RFC 6762 section 7.3). Only when our question
   * is due sooner than it was asked last: those that ask in turn ask enough,
   * and our own packets come back to us, too.
   */
  #noteQuestions(
    { questions, answers, truncated }: DnsMessage,
    { cache, askedByOthers }: LinkState,
    nowMs: number,
  ): void {
    if (truncated || nowMs - this.#lastGroupMs < this.#nextGroupMs - nowMs) {
      return;
    }
    for (const { name: asked, type, unicastResponse } of questions) {
      const name = foldName(asked);
      if (name !== this.#subtype && name !== this.#service) continue;
      if (type !== DnsType.PTR || unicastResponse) continue;
      const known = new Set(cache.known(name, nowMs).map(recordKey));
      const isSame = answers.every((record) =>
        !sameName(record.name, name) || known.has(recordKey(record))
      );
      if (isSame) askedByOthers.add(name);
    }
  }

  #askDirectly(
    link: string,
    questions: readonly DnsQuestion[],
  ): QuerierAction {
    const id = 1 + Math.floor(this.#random() * 0xffff);
    const packet = encodeMessage(queryMessage(questions, { id }));
    return { kind: "ask", link, socket: "ephemeral", packet };
  }

  #look(
    link: string,
    { cache, followedUp }: LinkState,
    instance: DnsName,
    from: Endpoint,
    nowMs: number,
  ): QuerierAction[] {
    const texts = cache.find(instance, DnsType.TXT, nowMs);
    if (texts.length === 0) {
      if (followedUp.has(instance) || followedUp.size >= MAX_FOLLOW_UPS) {
        return [];
      }
      followedUp.add(instance);
      return [this.#askDirectly(link, [
        { name: instance, type: DnsType.TXT, unicastResponse: false },
        { name: instance, type: DnsType.SRV, unicastResponse: false },
      ])];
    }
    const service = cache.find(instance, DnsType.SRV, nowMs)[0]?.service;
    const host = service?.target;
    const addresses = host === undefined ? [] : [
      ...cache.find(host, DnsType.A, nowMs),
      ...cache.find(host, DnsType.AAAA, nowMs),
    ].map((record) => record.address);
    const source = from.address;
    // A provider with two interfaces on one LAN says something else on each.
    return texts.map(({ strings: txt }) => ({
      kind: "instance",
      link,
      instance,
      records: { txt, host, port: service?.port, addresses, source },
    }));
  }

  /** The instance that a record belongs to. */
  #instanceOf(record: DnsRecord): DnsName[] {
    const name = foldName(
      record.type === DnsType.PTR ? record.target : record.name,
    );
    return name.endsWith(`.${this.#service}`) && !name.includes("._sub.")
      ? [name]
      : [];
  }
}

function pointerQuestion(name: DnsName): DnsQuestion {
  return { name, type: DnsType.PTR, unicastResponse: false };
}
