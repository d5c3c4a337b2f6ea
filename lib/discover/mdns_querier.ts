import {
  type ChannelArch,
  formatChannelArch,
  sameImage,
} from "../core/channel_arch.ts";
import { encodeMessage } from "../net/dns/encode_message.ts";
import {
  type DnsMessage,
  type DnsQuestion,
  type DnsRecord,
  DnsType,
  queryMessage,
} from "../net/dns/message.ts";
import { type DnsName, foldName } from "../net/dns/name.ts";
import { queryPackets } from "../net/mdns/packets.ts";
import { RecordCache } from "../net/mdns/record_cache.ts";
import {
  type Endpoint,
  MDNS_PORT,
  type MdnsSocketKind,
} from "../net/mdns/socket.ts";
import { SERVICE_NAME, subtypeName } from "../wire/dns_sd_names.ts";
import { type FoundService, readService } from "../wire/image_service.ts";

/** What is to be done, and what was learned, in order. */
export type QuerierAction =
  | {
    readonly kind: "ask";
    /** Key of the link. */
    readonly link: string;
    readonly socket: MdnsSocketKind;
    readonly packet: Uint8Array;
  }
  /** The image asked for. */
  | { readonly kind: "found"; readonly service: FoundService }
  /** An image that was not asked for. */
  | { readonly kind: "other"; readonly image: ChannelArch }
  /** A DHT node. */
  | { readonly kind: "peer"; readonly multiaddr: string }
  /** An answer that cannot be used; fit to be printed. */
  | { readonly kind: "problem"; readonly message: string };

/**
 * When to ask: at once from a port of our own, which is answered without the
 * delay of shared answers (RFC 6762 section 6.7); soon after from port 5353,
 * which every responder hears; then from our own port for all images, of
 * publishers that have no subtypes, and to tell what else there is to whoever
 * gives up after a second; then for both, at growing intervals (section 5.2).
 */
const FIRST_MULTICAST_MS = 60;
const FIRST_OF_ALL_MS = 500;
const FIRST_REPEAT_MS = 1000;
const MAX_REPEAT_MS = 60_000;

/**
 * How many different things are told of what one host says, and of how many
 * hosts: more than there are, and a flood from one leaves room for the others.
 */
const MAX_TOLD_PER_HOST = 100;
const MAX_HOSTS = 1000;
const MAX_PROBLEMS = 20;

/** How many instances of a link are asked about, lest we echo a flood. */
const MAX_FOLLOW_UPS = 50;

interface LinkState {
  readonly cache: RecordCache;
  /** Instances that were asked about once more. */
  readonly followedUp: Set<DnsName>;
}

/**
 * Looks for one image on several links (RFC 6762 section 5, RFC 6763): decides,
 * and leaves sockets and timers to its caller, who calls `tick` at `nextDueMs`
 * and does what each call returns.
 */
export class MdnsQuerier {
  readonly #image: ChannelArch;
  readonly #random: () => number;
  readonly #links = new Map<string, LinkState>();
  readonly #told = new Set<string>();
  /** How many of them, by the address of who said so first. */
  readonly #toldOf = new Map<string, number>();
  #problemsTold = 0;
  #nextRoundMs = Infinity;
  #roundsDone = 0;

  /**
   * Starts without links, and so without questions.
   *
   * @param image what to look for
   * @param random 0 to below 1
   */
  constructor(
    image: ChannelArch,
    { random }: { readonly random: () => number },
  ) {
    this.#image = image;
    this.#random = random;
  }

  /** A link can be used: asks there at once, and starts the rounds anew. */
  linkUp(link: string, nowMs: number): QuerierAction[] {
    this.#roundsDone = 0;
    this.#nextRoundMs = nowMs + FIRST_MULTICAST_MS;
    this.#links.set(link, { cache: new RecordCache(), followedUp: new Set() });
    return [
      this.#askDirectly(link, [pointerQuestion(subtypeName(this.#image))]),
    ];
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
    const actions: QuerierAction[] = [];
    for (const instance of new Set(records.flatMap(instanceOf))) {
      actions.push(...this.#look(link, state, instance, from, nowMs));
    }
    return [...actions, ...this.tick(nowMs)];
  }

  #askRound(nowMs: number): QuerierAction[] {
    const round = this.#roundsDone++;
    const subtype = subtypeName(this.#image);
    switch (round) {
      case 0:
        this.#nextRoundMs = nowMs + FIRST_OF_ALL_MS - FIRST_MULTICAST_MS;
        return this.#askEverybody([subtype], nowMs);
      case 1:
        this.#nextRoundMs = nowMs + FIRST_REPEAT_MS - FIRST_OF_ALL_MS;
        return this.#askAllDirectly([SERVICE_NAME]);
      default: {
        // 1, 3, 7, 15 s and so on after the start.
        const interval = FIRST_REPEAT_MS * 2 ** (round - 1);
        this.#nextRoundMs = nowMs + Math.min(interval, MAX_REPEAT_MS);
        const names = [subtype, SERVICE_NAME];
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
    const host = cache.find(instance, DnsType.SRV, nowMs)[0]?.service.target;
    const addresses = host === undefined ? [] : [
      ...cache.find(host, DnsType.A, nowMs),
      ...cache.find(host, DnsType.AAAA, nowMs),
    ].map((record) => record.address);
    const source = from.address;
    // A provider with two interfaces on one LAN says something else on each.
    return texts.flatMap(({ strings }) => {
      const service = readService({ txt: strings, host, addresses, source });
      return service.ok
        ? this.#tell(service.value, source)
        : this.#tellProblem(instance, service.reason, source);
    });
  }

  #tell(service: FoundService, source: string): QuerierAction[] {
    const actions: QuerierAction[] = [];
    const { p2pAddress, image } = service;
    if (
      p2pAddress !== undefined && this.#isNews(`peer ${p2pAddress}`, source)
    ) {
      actions.push({ kind: "peer", multiaddr: p2pAddress });
    }
    if (!sameImage(image, this.#image)) {
      if (this.#isNews(`other ${formatChannelArch(image)}`, source)) {
        actions.push({ kind: "other", image });
      }
    } else if (
      this.#isNews(
        `found ${service.version} ${service.manifestUrl.href}`,
        source,
      )
    ) {
      actions.push({ kind: "found", service });
    }
    return actions;
  }

  #tellProblem(
    instance: DnsName,
    reason: string,
    source: string,
  ): QuerierAction[] {
    const message = `mdns ${instance}: ${reason}`;
    if (this.#problemsTold >= MAX_PROBLEMS) return [];
    if (!this.#isNews(message, source)) return [];
    this.#problemsTold++;
    return [{ kind: "problem", message }];
  }

  #isNews(what: string, source: string): boolean {
    const count = this.#toldOf.get(source) ?? 0;
    if (this.#told.has(what) || count >= MAX_TOLD_PER_HOST) return false;
    if (count === 0 && this.#toldOf.size >= MAX_HOSTS) return false;
    this.#told.add(what);
    this.#toldOf.set(source, count + 1);
    return true;
  }
}

/** The instance of our service that a record tells something about. */
function instanceOf(record: DnsRecord): DnsName[] {
  const name = foldName(
    record.type === DnsType.PTR ? record.target : record.name,
  );
  return name.endsWith(`.${SERVICE_NAME}`) && !name.includes("._sub.")
    ? [name]
    : [];
}

function pointerQuestion(name: DnsName): DnsQuestion {
  return { name, type: DnsType.PTR, unicastResponse: false };
}
