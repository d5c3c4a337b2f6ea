import { messageOf } from "../../core/printable.ts";
import { ok, type Result } from "../../core/result.ts";
import { decodeMessage } from "../dns/decode_message.ts";
import type { DnsMessage } from "../dns/message.ts";
import { isOnLink, type Link } from "../interfaces.ts";
import { describeLink, type LinkSession } from "./links.ts";
import type {
  Endpoint,
  MdnsNetwork,
  MdnsSocket,
  MdnsSocketKind,
} from "./socket.ts";

/** What a querier on one link needs. */
export interface QuerierLinkOptions {
  /** Opens the sockets. */
  readonly network: MdnsNetwork;
  /**
   * The first query can be sent; port 5353 follows. Again when the link has
   * changed.
   */
  readonly onReady: (session: QuerierLink) => void;
  /** A packet came in over the link. */
  readonly onMessage: (
    session: QuerierLink,
    message: DnsMessage,
    from: Endpoint,
  ) => void;
  /** Nothing can be asked any more. */
  readonly onClosed: (session: QuerierLink) => void;
  /** Something does not work; a clause fit to be printed. */
  readonly onProblem: (problem: string) => void;
}

/** The two sockets with which one link is asked. */
export class QuerierLink implements LinkSession {
  /** What is asked. */
  readonly link: Link;
  readonly #options: QuerierLinkOptions;
  readonly #sockets = new Map<MdnsSocketKind, MdnsSocket>();
  #sending: Promise<unknown> = Promise.resolve();

  private constructor(link: Link, options: QuerierLinkOptions) {
    this.link = link;
    this.#options = options;
  }

  /**
   * Opens the sockets. Without port 5353 the link is still of use: what is
   * asked from another port is answered to that port.
   */
  static async open(
    link: Link,
    options: QuerierLinkOptions,
  ): Promise<Result<QuerierLink>> {
    const session = new QuerierLink(link, options);
    const ephemeral = await session.#openSocket("ephemeral");
    if (!ephemeral.ok) return ephemeral;
    options.onReady(session);
    // Opening the next socket first would delay the first query by a
    // millisecond.
    await session.#sending;
    const group = await session.#openSocket("group");
    if (!group.ok) {
      options.onProblem(`mdns ${describeLink(link)}: ${group.reason}`);
    }
    return ok(session);
  }

  /** Sends a query to everybody on the link. */
  async ask(kind: MdnsSocketKind, packet: Uint8Array): Promise<void> {
    const sending = this.#sockets.get(kind)?.multicast(packet);
    this.#sending = Promise.resolve(sending);
    const sent = await sending;
    if (sent === undefined || sent.ok) return;
    // The next round tries again: the network may just not be ready.
    this.#options.onProblem(`mdns ${describeLink(this.link)}: ${sent.reason}`);
  }

  /** Why it must be opened anew. */
  problem(): string | undefined {
    return [...this.#sockets.values()].every((socket) => socket.isAlive())
      ? undefined
      : "interface was re-created";
  }

  /** Asks at once, as when it was opened. */
  linkChanged(): void {
    this.#options.onReady(this);
  }

  /** Closes the sockets. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#options.onClosed(this);
    await Promise.all(
      [...this.#sockets.values()].map((s) => s[Symbol.asyncDispose]()),
    );
  }

  async #openSocket(kind: MdnsSocketKind): Promise<Result<void>> {
    const socket = await this.#options.network.open(
      this.link,
      kind,
      (packet, from) => this.#receive(kind, packet, from),
    );
    if (!socket.ok) return socket;
    this.#sockets.set(kind, socket.value);
    return ok(undefined);
  }

  #receive(kind: MdnsSocketKind, packet: Uint8Array, from: Endpoint): void {
    const { link } = this;
    const { onMessage, onProblem } = this.#options;
    // Deno swallows what a socket's listener throws: a bug that a packet lays
    // bare would go unseen.
    try {
      // RFC 6762 section 11: what was sent to the group comes from the link,
      // whatever its source; what was sent to our address may come from beyond.
      if (kind !== "group" && !isOnLink(from.address, link)) return;
      const message = decodeMessage(packet);
      // A client reports what it found, not which hosts send nonsense.
      if (message.ok) onMessage(this, message.value, from);
    } catch (error) {
      onProblem(`mdns ${describeLink(link)}: ${messageOf(error)}`);
    }
  }
}
