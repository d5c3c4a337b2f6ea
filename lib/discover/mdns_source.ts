import type { ChannelArch } from "../core/channel_arch.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import { linkKey } from "../net/interfaces.ts";
import { describeLink, MdnsLinks } from "../net/mdns/links.ts";
import { QuerierLink } from "../net/mdns/querier_link.ts";
import type { MdnsNetwork } from "../net/mdns/socket.ts";
import { systemMdnsNetwork } from "../net/mdns/system_network.ts";
import type { FoundService } from "../wire/image_service.ts";
import { peerIdOf } from "../wire/image_txt.ts";
import { MdnsQuerier, type QuerierAction } from "./mdns_querier.ts";
import type { Candidate, Finding, Source } from "./source.ts";

/**
 * How often interfaces are looked at: a box that boots waits for its address,
 * and a look costs less than a millisecond.
 */
const POLL_INTERVAL_MS = 250;

/** What the mDNS source works with. */
export interface MdnsSourceOptions {
  /** Interface names or addresses; none for the usual ones. */
  readonly interfaces: readonly string[];
  /** Times the questions. @default {systemClock} */
  readonly clock?: Clock;
  /** Where the sockets are opened. @default {systemMdnsNetwork} */
  readonly network?: MdnsNetwork;
  /** 0 to below 1. @default {Math.random} */
  readonly random?: () => number;
}

/** Asks the LAN for images by multicast DNS. */
export function createMdnsSource(options: MdnsSourceOptions): Source {
  return {
    name: "mdns",
    find: (image, { signal }) => findOnLan(image, options, signal),
  };
}

async function* findOnLan(
  image: ChannelArch,
  options: MdnsSourceOptions,
  signal: AbortSignal,
): AsyncGenerator<Finding> {
  if (signal.aborted) return;
  const findings: Finding[] = [];
  let wake = () => {};
  await using _search = new LanSearch(image, options, (finding) => {
    findings.push(finding);
    wake();
  });
  const onAbort = () => wake();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    while (!signal.aborted) {
      const finding = findings.shift();
      if (finding !== undefined) yield finding;
      else await new Promise<void>((resolve) => wake = resolve);
    }
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** One search, from the first query until it is disposed of. */
class LanSearch implements AsyncDisposable {
  readonly #clock: Clock;
  readonly #tell: (finding: Finding) => void;
  readonly #querier: MdnsQuerier;
  readonly #links: MdnsLinks<QuerierLink>;
  /** Open links by key, from their first socket on. */
  readonly #sessions = new Map<string, QuerierLink>();
  readonly #problems = new Set<string>();
  #cancelTimer: () => void = () => {};
  #closed = false;

  constructor(
    image: ChannelArch,
    {
      interfaces,
      clock = systemClock,
      network = systemMdnsNetwork,
      random = Math.random,
    }: MdnsSourceOptions,
    tell: (finding: Finding) => void,
  ) {
    this.#clock = clock;
    this.#tell = tell;
    this.#querier = new MdnsQuerier(image, { random });
    this.#links = new MdnsLinks({
      clock,
      network,
      interfaces,
      pollIntervalMs: POLL_INTERVAL_MS,
      open: (link) =>
        QuerierLink.open(link, {
          network,
          allLinks: () => [...this.#sessions.values()].map((s) => s.link),
          onReady: (session) => this.#linkUp(session),
          onMessage: (session, message, from) =>
            this.#act(this.#querier.receive(
              linkKey(session.link),
              message,
              from,
              clock.monotonic(),
            )),
          onClosed: (session) => this.#linkDown(session),
          onProblem: (problem) => this.#tellProblem(problem),
        }),
      onProblem: ({ link, problem }) =>
        this.#tellProblem(`mdns ${describeLink(link)}: ${problem}`),
      onGone: (link) => this.#tellProblem(`mdns ${describeLink(link)}: gone`),
      onRefreshed: () => {
        if (
          this.#links.sessions().length + this.#links.problems().length === 0
        ) {
          this.#tellProblem(noInterface(interfaces));
        }
      },
    });
    void this.#links.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#cancelTimer();
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

  #act(actions: readonly QuerierAction[]): void {
    for (const action of actions) {
      switch (action.kind) {
        case "ask":
          void this.#sessions.get(action.link)
            ?.ask(action.socket, action.packet);
          break;
        case "found":
          this.#tell({
            kind: "candidate",
            candidate: candidate(action.service),
          });
          break;
        case "problem":
          this.#tellProblem(action.message);
          break;
        default:
          this.#tell(action);
      }
    }
    this.#arm();
  }

  #arm(): void {
    this.#cancelTimer();
    const dueMs = this.#querier.nextDueMs();
    if (this.#closed || dueMs === Infinity) return;
    this.#cancelTimer = this.#clock.setTimer(
      () => this.#act(this.#querier.tick(this.#clock.monotonic())),
      Math.max(0, dueMs - this.#clock.monotonic()),
    );
  }

  #tellProblem(message: string): void {
    if (this.#problems.has(message)) return;
    this.#problems.add(message);
    this.#tell({ kind: "problem", message });
  }
}

function candidate(service: FoundService): Candidate {
  const { image, manifestUrl, version, providerName, p2pAddress } = service;
  const peerId = p2pAddress === undefined ? undefined : peerIdOf(p2pAddress);
  return {
    image,
    manifestUrl,
    version,
    source: "mdns",
    ...providerName === undefined ? {} : { providerName },
    ...peerId === undefined ? {} : { peerId },
  };
}

function noInterface(wanted: readonly string[]): string {
  return wanted.length === 0
    ? "mdns: no network interface with an address"
    : `mdns: no interface "${wanted.join('", "')}" with an address`;
}
