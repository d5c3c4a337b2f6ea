import type { Clock } from "../core/clock.ts";
import type { Result } from "../core/result.ts";
import {
  type Link,
  linkKey,
  sameAddresses,
  selectLinks,
} from "./interfaces.ts";
import type { MdnsNetwork } from "./mdns_socket.ts";

/** How often interfaces are looked at. */
const POLL_INTERVAL_MS = 3000;

/** What is kept open for one link. */
export interface LinkSession extends AsyncDisposable {
  readonly link: Link;
  /** False when it must be opened anew. */
  isAlive(): boolean;
}

/** How a link fares. */
export interface LinkProblem {
  readonly link: Link;
  /** A clause fit for a log line. */
  readonly problem: string;
}

/** What `MdnsLinks` works with. */
export interface MdnsLinksOptions<S extends LinkSession> {
  readonly clock: Clock;
  readonly network: MdnsNetwork;
  /** Interface names or addresses; none for the usual ones. */
  readonly interfaces: readonly string[];
  /** Opens a session; the reason is a clause fit for a log line. */
  readonly open: (link: Link) => Promise<Result<S>>;
  /** Told once for each link and reason. */
  readonly onProblem: (problem: LinkProblem) => void;
  /** Told after each look at the interfaces. */
  readonly onRefreshed?: () => void;
}

/**
 * Keeps a session open for each link of the machine, while interfaces come, go
 * and change their addresses.
 */
export class MdnsLinks<S extends LinkSession> implements AsyncDisposable {
  readonly #options: MdnsLinksOptions<S>;
  readonly #sessions = new Map<string, S>();
  readonly #problems = new Map<string, LinkProblem>();
  #refreshing: Promise<void> = Promise.resolve();
  #cancelPoll: () => void = () => {};
  #closed = false;

  constructor(options: MdnsLinksOptions<S>) {
    this.#options = options;
  }

  /** The sessions that are open. */
  sessions(): readonly S[] {
    return [...this.#sessions.values()];
  }

  /** The links that do not work. */
  problems(): readonly LinkProblem[] {
    return [...this.#problems.values()];
  }

  /** Opens what there is, and from then on looks again every few seconds. */
  async start(): Promise<void> {
    await this.refresh();
    this.#schedule();
  }

  /** Looks at the interfaces now. */
  refresh(): Promise<void> {
    this.#refreshing = this.#refreshing.then(() => this.#refresh());
    return this.#refreshing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#cancelPoll();
    await this.#refreshing;
    await Promise.all(
      this.sessions().map((session) => session[Symbol.asyncDispose]()),
    );
    this.#sessions.clear();
  }

  #schedule(): void {
    if (this.#closed) return;
    this.#cancelPoll = this.#options.clock.setTimer(async () => {
      await this.refresh();
      this.#schedule();
    }, POLL_INTERVAL_MS);
  }

  async #refresh(): Promise<void> {
    if (this.#closed) return;
    const { network, interfaces, onRefreshed } = this.#options;
    const links = new Map(
      selectLinks(network.addresses(), interfaces).map((l) => [linkKey(l), l]),
    );
    for (const [key, session] of this.#sessions) {
      const link = links.get(key);
      const same = link !== undefined && sameAddresses(link, session.link);
      if (same && session.isAlive()) continue;
      this.#sessions.delete(key);
      await session[Symbol.asyncDispose]();
    }
    for (const key of this.#problems.keys()) {
      if (!links.has(key)) this.#problems.delete(key);
    }
    await Promise.all(
      [...links].filter(([key]) => !this.#sessions.has(key))
        .map(([key, link]) => this.#openLink(key, link)),
    );
    onRefreshed?.();
  }

  async #openLink(key: string, link: Link): Promise<void> {
    const opened = await this.#options.open(link);
    if (opened.ok) {
      this.#problems.delete(key);
      this.#sessions.set(key, opened.value);
      return;
    }
    const isNews = this.#problems.get(key)?.problem !== opened.reason;
    const problem = { link, problem: opened.reason };
    this.#problems.set(key, problem);
    if (isNews) this.#options.onProblem(problem);
  }
}

/** `eth0 192.168.1.10`: how a link is named in log lines. */
export function describeLink(link: Link): string {
  return `${link.interfaceName} ${link.addresses[0]?.address ?? ""}`;
}
