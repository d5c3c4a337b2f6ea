import { encodeMessage } from "../dns/encode_message.ts";
import {
  type DnsMessage,
  type DnsQuestion,
  type DnsRecord,
  DnsType,
  queryMessage,
} from "../dns/message.ts";
import { type DnsName, foldName } from "../dns/name.ts";
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

/** What is to be done, and what was learned, in order. */
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

/** What a querier asks for. */
export interface QuerierOptions {
  /** The service type. */
  readonly service: DnsName;
  /** The subtype of those wanted, RFC 6763 section 7.1. */
  readonly subtype: DnsName;
  /** 0 to below 1. */
  readonly random: () => number;
}

/**
 * When to ask: at once from a port of our own, which is answered without the
 * delay of shared answers (RFC 6762 section 6.7); soon after from port 5353,
 * which every responder hears; then from our own port for all instances, since
 * some publishers have no subtypes, and to know what else there is within a
 * second; then for both, at growing intervals (section 5.2).
 */
const FIRST_MULTICAST_MS = 60;
const FIRST_OF_ALL_MS = 500;
const FIRST_REPEAT_MS = 1000;
const MAX_REPEAT_MS = 60_000;

/** How many instances of a link are asked about, lest we echo a flood. */
const MAX_FOLLOW_UPS = 50;

interface LinkState {
  readonly cache: RecordCache;
  /** Instances that were asked about once more. */
  readonly followedUp: Set<DnsName>;
}

/**
 * Looks for the instances of a service on several links (RFC 6762 section 5,
 * RFC 6763): decides, and leaves sockets and timers to its caller, who calls
 * `tick` at `nextDueMs` and does what each call returns.
 */
export class MdnsQuerier {
  readonly #service: DnsName;
  readonly #subtype: DnsName;
  readonly #random: () => number;
  readonly #links = new Map<string, LinkState>();
  #nextRoundMs = Infinity;
  #roundsDone = 0;

  /** Starts without links, and so without questions. */
  constructor({ service, subtype, random }: QuerierOptions) {
    this.#service = foldName(service);
    this.#subtype = subtype;
    this.#random = random;
  }

  /** A link can be used: asks there at once, and starts the rounds anew. */
  linkUp(link: string, nowMs: number): QuerierAction[] {
    this.#roundsDone = 0;
    this.#nextRoundMs = nowMs + FIRST_MULTICAST_MS;
    this.#links.set(link, { cache: new RecordCache(), followedUp: new Set() });
    return [this.#askDirectly(link, [pointerQuestion(this.#subtype)])];
  }

  /** A link is gone, and what was heard there no longer holds. */
  linkDown(link: string): void {
    this.#links.delete(link);
  }

  /** When `tick` has something to do next, `Infinity` before any link is up. */
  nextDueMs(): number {
    return this.#nextRoundMs;
  }

  /** Does what is due. */
  tick(nowMs: number): QuerierAction[] {
    return nowMs >= this.#nextRoundMs ? this.#askRound(nowMs) : [];
  }

  /** Takes in a packet that came from a host on the link. */
  receive(
    link: string,
    message: DnsMessage,
    from: Endpoint,
    nowMs: number,
  ): QuerierAction[] {
    const state = this.#links.get(link);
    // RFC 6762 sections 6 and 11: responses come from port 5353.
    if (state === undefined || !message.isResponse || from.port !== MDNS_PORT) {
      return [];
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

  #askRound(nowMs: number): QuerierAction[] {
    const round = this.#roundsDone++;
    switch (round) {
      case 0:
        this.#nextRoundMs = nowMs + FIRST_OF_ALL_MS - FIRST_MULTICAST_MS;
        return this.#askEverybody([this.#subtype], nowMs);
      case 1:
        this.#nextRoundMs = nowMs + FIRST_REPEAT_MS - FIRST_OF_ALL_MS;
        return this.#askAllDirectly([this.#service]);
      default: {
        // 1, 3, 7, 15 s and so on after the start.
        const interval = FIRST_REPEAT_MS * 2 ** (round - 1);
        this.#nextRoundMs = nowMs + Math.min(interval, MAX_REPEAT_MS);
        const names = [this.#subtype, this.#service];
        return [
          ...this.#askEverybody(names, nowMs),
          ...this.#askAllDirectly(names),
        ];
      }
    }
  }

  /** From port 5353, naming what is known. */
  #askEverybody(names: readonly DnsName[], nowMs: number): QuerierAction[] {
    return [...this.#links].flatMap(([link, { cache }]) =>
      queryPackets(names.map((name) => ({
        questions: [pointerQuestion(name)],
        answers: cache.known(name, nowMs),
      }))).map((packet) => ({ kind: "ask", link, socket: "group", packet }))
    );
  }

  #askAllDirectly(names: readonly DnsName[]): QuerierAction[] {
    return [...this.#links.keys()].map((link) =>
      this.#askDirectly(link, names.map(pointerQuestion))
    );
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

  /** The instance that a record tells something about. */
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
