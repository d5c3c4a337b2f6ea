import { AsyncQueue } from "../core/async_queue.ts";
import type { ChannelArch } from "../core/channel_arch.ts";
import type { Clock } from "../core/clock.ts";
import { DueTimer } from "../core/due_timer.ts";
import { decodeMessage } from "../net/dns/decode_message.ts";
import type { DnsMessage } from "../net/dns/message.ts";
import { type Link, linkKey, whyNoNetwork } from "../net/interfaces.ts";
import { describeLink, MdnsLinks } from "../net/mdns/links.ts";
import { MdnsQuerier, type QuerierAction } from "../net/mdns/querier.ts";
import type { Endpoint } from "../net/mdns/socket.ts";
import { QuerierLink } from "../net/mdns/querier_link.ts";
import {
  type MdnsOptions,
  withSystemDefaults,
} from "../net/mdns/system_network.ts";
import { SERVICE_NAME, subtypeName } from "../wire/dns_sd_names.ts";
import { HeardServices } from "./heard_services.ts";
import type { Finding, Source } from "./source.ts";

/**
 * How often interfaces are polled: a booting machine waits for its address, and
 * a poll costs less than a millisecond.
 */
const POLL_INTERVAL_MS = 250;

/** What a search on the LAN works with. */
export interface MdnsSourceOptions extends MdnsOptions {
  /** Told when no other machine can be asked. */
  readonly warn?: (message: string) => void;
}

/** Asks the LAN for images by multicast DNS. */
export function createMdnsSource(options: MdnsSourceOptions): Source {
  return {
    name: "mdns",
    find: (image, { signal, trace, deadlineMs = Infinity }) =>
      findOnLan(image, { ...options, trace, deadlineMs }, signal),
  };
}

interface SearchOptions extends MdnsSourceOptions {
  readonly trace: ((event: string) => void) | undefined;
  readonly deadlineMs: number;
}

async function* findOnLan(
  image: ChannelArch,
  options: SearchOptions,
  signal: AbortSignal,
): AsyncGenerator<Finding> {
  if (signal.aborted) return;
  const findings = new AsyncQueue<Finding>();
  await using _search = new LanSearch(image, options, findings);
  const close = () => findings.close();
  signal.addEventListener("abort", close, { once: true });
  try {
    yield* findings;
  } finally {
    signal.removeEventListener("abort", close);
  }
}

/** One search, from the first query until it is disposed of. */
class LanSearch implements AsyncDisposable {
  readonly #clock: Clock;
  readonly #findings: AsyncQueue<Finding>;
  readonly #heard: HeardServices;
  readonly #querier: MdnsQuerier;
  readonly #links: MdnsLinks<QuerierLink>;
  /** Open links by key, from their first socket on. */
  readonly #sessions = new Map<string, QuerierLink>();
  readonly #problems = new Set<string>();
  readonly #timer: DueTimer;
  readonly #trace: SearchOptions["trace"];
  #closed = false;

  constructor(
    image: ChannelArch,
    options: SearchOptions,
    findings: AsyncQueue<Finding>,
  ) {
    const machine = withSystemDefaults(options);
    const { interfaces, clock, network, random } = machine;
    this.#clock = clock;
    this.#findings = findings;
    this.#trace = options.trace;
    this.#heard = new HeardServices(image);
    this.#querier = new MdnsQuerier({
      service: SERVICE_NAME,
      subtype: subtypeName(image),
      deadlineMs: options.deadlineMs,
      random,
    });
    this.#timer = new DueTimer(
      clock,
      () => this.#act(this.#querier.tick(clock.monotonic())),
    );
    this.#links = new MdnsLinks({
      ...machine,
      pollIntervalMs: POLL_INTERVAL_MS,
      open: (link) =>
        QuerierLink.open(link, {
          network,
          onReady: (session) => this.#linkUp(session),
          onMessage: (session, message, from) =>
            this.#receive(session.link, message, from),
          onClosed: (session) => this.#linkDown(session),
          onProblem: (problem) => this.#tellProblem(problem),
        }),
      onProblem: ({ link, problem }) =>
        this.#tellProblem(`mdns ${describeLink(link)}: ${problem}`),
      onGone: (link) => this.#tellProblem(`mdns ${describeLink(link)}: gone`),
      onRefreshed: (all) => {
        const reason = whyNoNetwork(all, interfaces);
        if (reason === undefined) return;
        if (this.#tellProblem(`mdns: ${reason}`)) {
          options.warn?.(
            `mdns ${reason}: no other machine can be asked until an interface has an address`,
          );
        }
      },
    });
    void this.#links.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#timer.set(Infinity);
    await this.#links[Symbol.asyncDispose]();
  }

  #linkUp(session: QuerierLink): void {
    const key = linkKey(session.link);
    this.#sessions.set(key, session);
    this.#act(this.#querier.linkUp(key, this.#clock.monotonic()));
    this.#tellProblem(`Asked by mDNS on ${describeLink(session.link)}`);
  }

  #linkDown(session: QuerierLink): void {
    const key = linkKey(session.link);
    this.#sessions.delete(key);
    this.#querier.linkDown(key);
  }

  #receive(link: Link, message: DnsMessage, from: Endpoint): void {
    if (message.isResponse) {
      this.#trace?.(
        `mdns ${
          describeLink(link)
        }: ${from.address} answers with ${message.answers.length} records`,
      );
    }
    const nowMs = this.#clock.monotonic();
    this.#act(this.#querier.receive(linkKey(link), message, from, nowMs));
  }

  #act(actions: readonly QuerierAction[]): void {
    for (const action of actions) {
      const session = this.#sessions.get(action.link);
      if (session === undefined) continue;
      if (action.kind === "ask") {
        this.#trace?.(`mdns ${describeLink(session.link)}: ${asked(action)}`);
        void session.ask(action.socket, action.packet);
      } else {
        this.#heard.hear(action.instance, action.records, session.link)
          .forEach((finding) => this.#findings.push(finding));
      }
    }
    this.#timer.set(this.#closed ? Infinity : this.#querier.nextDueMs());
  }

  /** @returns whether it is news */
  #tellProblem(message: string): boolean {
    if (this.#problems.has(message)) return false;
    this.#problems.add(message);
    this.#findings.push({ kind: "problem", message });
    return true;
  }
}

/** The question of one of our own queries. */
function asked(
  { packet, socket }: Extract<QuerierAction, { readonly kind: "ask" }>,
): string {
  const query = decodeMessage(packet);
  const names = query.ok ? query.value.questions.map(({ name }) => name) : [];
  return `asked everybody for ${names.join(" and ")}, answers ${
    socket === "group" ? "to everybody" : "to this host alone"
  }`;
}
