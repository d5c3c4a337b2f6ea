import type { Clock } from "../../core/clock.ts";
import { BoundedMap } from "../../core/bounded_map.ts";
import { DueTimer } from "../../core/due_timer.ts";
import { messageOf } from "../../core/printable.ts";
import { ok, type Result } from "../../core/result.ts";
import { decodeMessage } from "../dns/decode_message.ts";
import { isOnLink, type Link, linkKey, shareSubnet } from "../interfaces.ts";
import type { Claim } from "./claim_register.ts";
import type { LinkSession } from "./links.ts";
import { packetKey } from "./own_packets.ts";
import {
  MdnsResponder,
  type ResponderAction,
  type ResponderOptions,
} from "./responder.ts";
import type { Endpoint, MdnsNetwork, MdnsSocket } from "./socket.ts";

/** How long goodbyes may take before the socket is closed regardless. */
const GOODBYE_TIMEOUT_MS = 200;

/** More than are sent for a hundred thousand images: any one may come back. */
const MAX_UNHEARD = 65_536;

/**
 * When to repeat announcements that have not come back, at intervals that
 * double as in RFC 6762 section 8.3: a firewall may open while no one asks.
 */
const FIRST_AGAIN_MS = 5000;
const MAX_AGAIN_MS = 60_000;

/** What becomes of a claim. */
export type ClaimEvent = Extract<
  ResponderAction,
  { kind: "established" | "conflict" }
>;

/** What a responder on one link needs. */
export interface ResponderLinkOptions
  extends Pick<ResponderOptions, "random" | "isOurs" | "common"> {
  /** Times probes, announcements and answers. */
  readonly clock: Clock;
  /** Opens the socket. */
  readonly network: MdnsNetwork;
  /** Whether an address is this machine's on that link, link-local or not. */
  readonly isSelf: (link: Link, address: string) => boolean;
  /** All links that answer: of several in one subnet, each host gets one. */
  readonly answering: () => Iterable<Link>;
  /** A claim was established, or needs another name. */
  readonly onClaim: (link: Link, event: ClaimEvent) => void;
  /** A packet made no sense; the reason is fit for a log line. */
  readonly onMalformed: (link: Link, reason: string) => void;
}

/** A responder at work on the socket of one link. */
export class ResponderLink implements LinkSession {
  /** Where it answers. */
  readonly link: Link;
  readonly #options: ResponderLinkOptions;
  readonly #responder: MdnsResponder;
  #socket: MdnsSocket | undefined;
  readonly #timer: DueTimer;
  #sendProblem: string | undefined;
  /**
   * Whether a packet of our own has come back. Interface flags cannot be read
   * with our permissions, and sending succeeds even where nothing gets out: if
   * a packet does not even reach ourselves, nothing counts as announced.
   */
  #isHeard = false;
  /** What was sent until then, and told only then. */
  #unheard = new BoundedMap<number, true>(MAX_UNHEARD, "forget oldest");
  #untold: ClaimEvent[] = [];
  readonly #againTimer: DueTimer;
  #againAfterMs = FIRST_AGAIN_MS;

  private constructor(link: Link, options: ResponderLinkOptions) {
    this.link = link;
    this.#options = options;
    this.#responder = new MdnsResponder({
      random: options.random,
      isOurs: options.isOurs,
      answersAlone: (address) =>
        answersAlone(address, link, options.answering()),
      isSelf: (address) => options.isSelf(link, address),
      common: options.common,
    });
    this.#timer = new DueTimer(
      options.clock,
      () => this.#act(this.#responder.tick(this.#nowMs())),
    );
    this.#againTimer = new DueTimer(options.clock, () => {
      this.linkChanged();
      this.#againAfterMs = Math.min(2 * this.#againAfterMs, MAX_AGAIN_MS);
      this.#armAgain();
    });
  }

  /** Opens the socket; nothing is sent before there are claims. */
  static async open(
    link: Link,
    options: ResponderLinkOptions,
  ): Promise<Result<ResponderLink>> {
    const session = new ResponderLink(link, options);
    const socket = await options.network.open(
      link,
      "group",
      (packet, from) => session.#receive(packet, from),
    );
    if (!socket.ok) return socket;
    session.#socket = socket.value;
    return ok(session);
  }

  /** Makes the claims exactly these. */
  setClaims(claims: ReadonlyMap<string, Claim>): void {
    this.#act(this.#responder.setClaims(claims, this.#nowMs()));
  }

  /** Whether the claim is announced on this link. */
  isEstablished(id: string): boolean {
    return this.#sendProblem === undefined && this.#isHeard &&
      this.#responder.isEstablished(id);
  }

  /** Why nothing is established, although no host objects: a clause. */
  get doubt(): string | undefined {
    return this.#untold.length > 0
      ? "does not hear itself, a firewall may drop multicast to UDP port 5353"
      : undefined;
  }

  /** Why it must be opened anew. */
  problem(): string | undefined {
    if (this.#sendProblem !== undefined) return this.#sendProblem;
    return this.#socket?.isAlive() === true
      ? undefined
      : "interface was re-created";
  }

  /** Announces everything again. */
  linkChanged(): void {
    this.#act(this.#responder.announceAgain(this.#nowMs()));
  }

  /** Says goodbye, then closes the socket. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { clock } = this.#options;
    const endMs = this.#nowMs() + GOODBYE_TIMEOUT_MS;
    this.setClaims(new Map());
    while (this.#sendProblem === undefined) {
      const dueMs = this.#responder.nextDueMs();
      if (dueMs > endMs) break;
      await new Promise<void>((resolve) => {
        clock.setTimer(resolve, Math.max(0, dueMs - this.#nowMs()));
      });
    }
    await this.#socket?.[Symbol.asyncDispose]();
    this.#timer.set(Infinity);
    this.#againTimer.set(Infinity);
  }

  #nowMs(): number {
    return this.#options.clock.monotonic();
  }

  #receive(packet: Uint8Array, from: Endpoint): void {
    const { link } = this;
    const { onMalformed } = this.#options;
    // Deno swallows what a socket's listener throws: a bug that a packet lays
    // bare would go unseen.
    try {
      if (!this.#isHeard) this.#noteOwn(packet, from);
      const message = decodeMessage(packet);
      if (!message.ok) return onMalformed(link, message.reason);
      this.#act(this.#responder.receive(message.value, from, this.#nowMs()));
    } catch (error) {
      onMalformed(link, messageOf(error));
    }
  }

  #act(actions: readonly ResponderAction[]): void {
    for (const action of actions) {
      // What cannot be heard is not established either.
      if (this.#sendProblem !== undefined) return;
      switch (action.kind) {
        case "multicast":
          void this.#multicast(action.packet);
          break;
        case "unicast":
          // An asker that cannot be reached is its own trouble: it will ask
          // again by multicast.
          void this.#socket?.send(action.packet, action.to);
          break;
        case "established":
          if (this.#isHeard) this.#options.onClaim(this.link, action);
          else if (this.#untold.push(action) === 1) this.#armAgain();
          break;
        case "conflict":
          this.#options.onClaim(this.link, action);
      }
    }
    this.#timer.set(this.#responder.nextDueMs());
  }

  /** Notes when one of our own packets has come back. */
  #noteOwn(packet: Uint8Array, { address }: Endpoint): void {
    if (!this.#options.isSelf(this.link, address)) return;
    if (!this.#unheard.has(packetKey(packet))) return;
    this.#isHeard = true;
    this.#againTimer.set(Infinity);
    this.#unheard = new BoundedMap(1, "forget oldest");
    for (const event of this.#untold.splice(0)) {
      this.#options.onClaim(this.link, event);
    }
  }

  #armAgain(): void {
    this.#againTimer.set(this.#nowMs() + this.#againAfterMs);
  }

  async #multicast(packet: Uint8Array): Promise<void> {
    if (!this.#isHeard) this.#unheard.set(packetKey(packet), true);
    const sent = await this.#socket?.multicast(packet);
    if (sent === undefined || sent.ok) return;
    this.#sendProblem = sent.reason;
    this.#timer.set(Infinity);
  }
}

/**
 * Whether a link is the one to answer a host by unicast: the first of those in
 * one subnet, all of which hear what the host asks (`GroupDispatch`). What this
 * machine asks itself is heard by the link that has the address only, as is all
 * of IPv6 by the link that it came over.
 */
function answersAlone(
  address: string,
  link: Link,
  answering: Iterable<Link>,
): boolean {
  if (!isOnLink(address, link)) return false;
  const isOwn = link.addresses.some((own) => own.address === address);
  if (isOwn || link.family === 6) return true;
  for (const other of answering) {
    if (isOnLink(address, other) && shareSubnet(other, link)) {
      return linkKey(other) === linkKey(link);
    }
  }
  return true;
}
