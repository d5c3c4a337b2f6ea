import type { Result } from "../../core/result.ts";
import {
  type InterfaceAddress,
  type Link,
  linkKey,
  sameAddresses,
  selectLinks,
} from "../interfaces.ts";
import type { MdnsOptions } from "./system_network.ts";

/** What is kept open for one link. */
export interface LinkSession extends AsyncDisposable {
  /** As it was when the session was opened. */
  readonly link: Link;
  /** Why it must be opened anew, a clause fit for a log line. */
  problem(): string | undefined;
  /** An address came to the interface: it may have a carrier just now. */
  linkChanged(): void;
}

/** A link that does not work. */
export interface LinkProblem {
  /** The link in question. */
  readonly link: Link;
  /** A clause fit for a log line. */
  readonly problem: string;
}

/** What `MdnsLinks` works with. */
export interface MdnsLinksOptions<S extends LinkSession>
  extends Omit<Required<MdnsOptions>, "random"> {
  /** How often to look at the interfaces. */
  readonly pollIntervalMs: number;
  /** Opens a session; the reason is a clause fit for a log line. */
  readonly open: (link: Link) => Promise<Result<S>>;
  /** Told when a link stops working, and again when the reason changes. */
  readonly onProblem: (problem: LinkProblem) => void;
  /** A link is no longer there. */
  readonly onGone: (link: Link) => void;
  /** Told after each look at the interfaces: every address of the machine. */
  readonly onRefreshed: (all: readonly InterfaceAddress[]) => void;
}

/**
 * Keeps a session open for each link of the machine, while interfaces come, go
 * and change their addresses.
 */
export class MdnsLinks<S extends LinkSession> implements AsyncDisposable {
  readonly #options: MdnsLinksOptions<S>;
  readonly #sessions = new Map<string, S>();
  /** By link; removed once a session has worked for one interval. */
  readonly #problems = new Map<string, LinkProblem>();
  /**
   * The addresses of all interfaces at the last look, usable for mDNS or not.
   */
  #addresses = new Set<string>();
  /** Ends when the look that is going on does. */
  #looking: Promise<void> = Promise.resolve();
  #cancelPoll: () => void = () => {};
  #isClosed = false;

  constructor(options: MdnsLinksOptions<S>) {
    this.#options = options;
  }

  /** The sessions that are open. */
  sessions(): readonly S[] {
    return [...this.#sessions.values()];
  }

  /** The links that do not work, or did not until now. */
  problems(): readonly LinkProblem[] {
    return [...this.#problems.values()];
  }

  /** Opens the present links, and from then on follows changes. */
  start(): Promise<void> {
    return this.#looking = this.#look();
  }

  /** Closes every session. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#cancelPoll();
    await this.#looking;
    await Promise.all(
      this.sessions().map((session) => session[Symbol.asyncDispose]()),
    );
    this.#sessions.clear();
  }

  async #look(): Promise<void> {
    await this.#refresh();
    if (this.#isClosed) return;
    const { clock, pollIntervalMs } = this.#options;
    this.#cancelPoll = clock.setTimer(() => void this.start(), pollIntervalMs);
  }

  async #refresh(): Promise<void> {
    const { network, interfaces, onGone, onRefreshed } = this.#options;
    const all = network.addresses();
    const links = new Map(
      selectLinks(all, interfaces).map((link) => [linkKey(link), link]),
    );
    const changed = this.#interfacesWithNews(all);
    for (const [key, session] of this.#sessions) {
      const link = links.get(key);
      const isSame = link !== undefined && sameAddresses(link, session.link);
      const problem = isSame ? session.problem() : undefined;
      if (isSame && problem === undefined) {
        this.#problems.delete(key);
        if (changed.has(link.interfaceName)) session.linkChanged();
        continue;
      }
      this.#sessions.delete(key);
      await session[Symbol.asyncDispose]();
      if (link === undefined) onGone(session.link);
      else if (problem !== undefined) this.#report(key, { link, problem });
    }
    for (const key of this.#problems.keys()) {
      if (!links.has(key)) this.#problems.delete(key);
    }
    await Promise.all(
      [...links].filter(([key]) => !this.#sessions.has(key))
        .map(([key, link]) => this.#open(key, link)),
    );
    onRefreshed(all);
  }

  /**
   * Interfaces with an address that they had not at the last look. A carrier
   * cannot be seen with our permissions, but a link-local address of IPv6 comes
   * with the first one and goes with an interface that is taken down.
   */
  #interfacesWithNews(addresses: readonly InterfaceAddress[]): Set<string> {
    const text = ({ interfaceName, address }: InterfaceAddress) =>
      `${interfaceName} ${address}`;
    const before = this.#addresses;
    this.#addresses = new Set(addresses.map(text));
    return new Set(
      addresses.filter((address) => !before.has(text(address)))
        .map(({ interfaceName }) => interfaceName),
    );
  }

  async #open(key: string, link: Link): Promise<void> {
    const opened = await this.#options.open(link);
    if (opened.ok) this.#sessions.set(key, opened.value);
    else this.#report(key, { link, problem: opened.reason });
  }

  #report(key: string, problem: LinkProblem): void {
    const isNews = this.#problems.get(key)?.problem !== problem.problem;
    this.#problems.set(key, problem);
    if (isNews) this.#options.onProblem(problem);
  }
}

/** `eth0 192.168.1.10`: how a link is named in log lines. */
export function describeLink(link: Link): string {
  return `${link.interfaceName} ${link.addresses[0]?.address ?? ""}`;
}
