import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/log.ts";
import { ok, refuse, type Result } from "../core/result.ts";
import { type BootClient, readBootClient } from "../net/dhcp/boot_client.ts";
import { decodeDhcp } from "../net/dhcp/decode_message.ts";
import {
  type DhcpMessage,
  DhcpMessageType,
  DhcpOption,
} from "../net/dhcp/message.ts";
import {
  DHCP_CLIENT_PORT,
  DHCP_SERVER_PORT,
  type DhcpNetwork,
  type DhcpSocket,
  LIMITED_BROADCAST,
  PROXY_DHCP_PORT,
  type SocketTrouble,
  type UdpEndpoint,
} from "../net/dhcp/network.ts";
import { encodeProxyAnswer } from "../net/dhcp/proxy_answer.ts";
import { AnswerBudget } from "./answer_budget.ts";
import type { Offer, OfferDecision } from "./offer.ts";
import { OfferSender, type SendPacket } from "./offer_sender.ts";

/** How often the same recurring trouble is logged. */
const QUIET_MS = 60_000;

/** A link that machines are answered on. */
export interface PxeLink {
  /** Such as `eth0`. */
  readonly interfaceName: string;
  /** The IPv4 address of this host. */
  readonly address: string;
  /** Where its machines reach HTTP, without a final slash. */
  readonly baseUrl: string;
}

/** What a ProxyDHCP server needs. */
export interface ProxyDhcpOptions {
  /** Where sockets are opened. */
  readonly network: DhcpNetwork;
  /**
   * Whether relays are answered, which send to this host's own addresses: the
   * unicasts to port 67 are then taken from every other program.
   */
  readonly relays: boolean;
  /** Decides what a machine gets. */
  readonly decide: (client: BootClient) => OfferDecision;
  /** Told what a machine that asked was offered, or why nothing. */
  readonly onDecision: (client: BootClient, decision: OfferDecision) => void;
  /** This host's address on the default route, where there is one. */
  readonly defaultRoute: () => Promise<string | undefined>;
  /** For rates per second. */
  readonly clock: Clock;
  /** Where problems are logged. */
  readonly logger: Logger;
}

/** The sockets of one link; opening each is retried until it succeeds. */
interface LinkSession {
  readonly link: PxeLink;
  readonly sender: OfferSender;
  /** For the request that UEFI firmware sends after an offer. */
  proxy?: DhcpSocket;
  /** For relays. */
  relayed?: DhcpSocket;
}

/**
 * Tells machines that ask to boot what to boot, beside the DHCP server that
 * gives them addresses (PXE 2.1 specification, section 2.2.3).
 */
export class ProxyDhcp implements AsyncDisposable {
  readonly #options: ProxyDhcpOptions;
  readonly #budget = new AnswerBudget();
  readonly #sessions = new Map<string, LinkSession>();
  /** By subject; each is logged once while it lasts. */
  readonly #troubles = new Map<
    string,
    { readonly problem: string | undefined; readonly quietUntilMs: number }
  >();
  #broadcasts: DhcpSocket | undefined;

  private constructor(options: ProxyDhcpOptions) {
    this.#options = options;
  }

  /**
   * Listens, and answers nothing until it has links.
   *
   * @returns why it cannot: without permission, for one
   */
  static async open(
    options: ProxyDhcpOptions,
  ): Promise<Result<ProxyDhcp, SocketTrouble>> {
    const proxy = new ProxyDhcp(options);
    // It gets the limited broadcasts of all links, and nothing else: unicasts
    // to this port are for another server of this host, if it has one.
    const opened = await options.network.open(
      { address: LIMITED_BROADCAST, port: DHCP_SERVER_PORT },
      (packet) => proxy.#discovered(packet, [...proxy.#sessions.values()]),
    );
    if (!opened.ok) return refuse(opened.reason);
    proxy.#broadcasts = opened.value;
    return ok(proxy);
  }

  /** Answers on these links, and on no others. */
  async useLinks(links: readonly PxeLink[]): Promise<void> {
    const wanted = new Map(links.map((link) => [JSON.stringify(link), link]));
    for (const [key, session] of this.#sessions) {
      if (wanted.has(key)) continue;
      this.#sessions.delete(key);
      await closeSession(session);
    }
    for (const [key, link] of wanted) {
      const session = this.#sessions.get(key) ?? this.#newSession(link);
      this.#sessions.set(key, session);
      await this.#openSockets(session);
    }
  }

  /** Closes every socket. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#broadcasts?.[Symbol.asyncDispose]();
    await this.useLinks([]);
  }

  #newSession(link: PxeLink): LinkSession {
    const { network, clock } = this.#options;
    const name = describePxeLink(link);
    const sender = new OfferSender({
      network,
      address: link.address,
      byDefaultRoute: this.#byDefaultRoute(link),
      onSent: (trouble) =>
        this.#report(
          `PXE offers on ${name}`,
          trouble && `cannot be sent: ${trouble.message}`,
        ),
      clock,
    });
    return { link, sender };
  }

  async #openSockets(session: LinkSession): Promise<void> {
    const { network, relays } = this.#options;
    const { address } = session.link;
    const name = describePxeLink(session.link);
    if (session.proxy === undefined) {
      const opened = await network.open(
        { address, port: PROXY_DHCP_PORT },
        (packet, from) => this.#asked(packet, from, session),
      );
      if (opened.ok) session.proxy = opened.value;
      this.#report(
        `UEFI firmware cannot fetch its PXE offer on ${name}`,
        opened.ok
          ? undefined
          : `UDP port ${PROXY_DHCP_PORT}: ${opened.reason.message}`,
      );
    }
    if (relays && session.relayed === undefined) {
      const opened = await network.open(
        { address, port: DHCP_SERVER_PORT },
        (packet) => this.#discovered(packet, [session]),
      );
      if (opened.ok) session.relayed = opened.value;
      this.#report(
        `DHCP relays are not answered on ${name}`,
        opened.ok
          ? undefined
          : `UDP port ${DHCP_SERVER_PORT}: ${opened.reason.message}`,
      );
    }
  }

  /**
   * A broadcast leaves by the default route where no address was chosen. That
   * is right on the one link whose address it gets as its source.
   */
  #byDefaultRoute({ address }: PxeLink): SendPacket {
    return async (packet, to) => {
      const isIt = await this.#options.defaultRoute() === address;
      return isIt && this.#broadcasts !== undefined
        ? await this.#broadcasts.send(packet, to)
        : refuse({
          kind: "taken",
          message:
            "another program holds UDP port 67 on this address, and the default route leads elsewhere",
        });
    };
  }

  /** A DISCOVER is answered by all links it may have come over. */
  #discovered(packet: Uint8Array, sessions: readonly LinkSession[]): void {
    const asked = this.#offerTo(packet, DhcpMessageType.DISCOVER);
    if (asked === undefined) return;
    const { relay } = asked.client;
    const to = relay === undefined
      ? { address: LIMITED_BROADCAST, port: DHCP_CLIENT_PORT }
      : { address: relay, port: DHCP_SERVER_PORT };
    for (const { link, sender, relayed } of sessions) {
      const answer = this.#answer(asked, "OFFER", link);
      if (answer === undefined) continue;
      // Where the port is ours alone, another socket would take packets from
      // it.
      if (relayed === undefined) sender.send(answer, to);
      else void relayed.send(answer, to);
    }
  }

  /** A REQUEST at port 4011 comes from a machine that has its address. */
  #asked(packet: Uint8Array, from: UdpEndpoint, session: LinkSession): void {
    const asked = this.#offerTo(packet, DhcpMessageType.REQUEST);
    const answer = asked && this.#answer(asked, "ACK", session.link);
    if (answer !== undefined) void session.proxy?.send(answer, from);
  }

  /** What the client gets, if it asks to boot and there is something for it. */
  #offerTo(packet: Uint8Array, type: number): Asked | undefined {
    const { clock, decide, onDecision } = this.#options;
    const decoded = decodeDhcp(packet);
    if (!decoded.ok) return undefined;
    const request = decoded.value;
    if (request.options.get(DhcpOption.MESSAGE_TYPE)?.[0] !== type) {
      return undefined;
    }
    const client = readBootClient(request);
    if (client === undefined) return undefined;
    if (!this.#budget.take(client.mac, clock.monotonic())) return undefined;
    const decision = decide(client);
    onDecision(client, decision);
    const { offer } = decision;
    return offer && { request, client, offer };
  }

  #answer(
    { request, client, offer }: Asked,
    type: "OFFER" | "ACK",
    { address, baseUrl }: PxeLink,
  ): Uint8Array | undefined {
    const { file, isBios } = offer;
    const isUrl = offer.transport === "HTTP";
    const encoded = encodeProxyAnswer(request, client, {
      type,
      address,
      bootFile: isUrl ? `${baseUrl}${file}` : file,
      isBios,
    });
    this.#report(
      "Machines get no PXE offer",
      encoded.ok ? undefined : encoded.reason,
    );
    return encoded.ok ? encoded.value : undefined;
  }

  /** Logs a problem once until it is resolved. */
  #report(what: string, problem: string | undefined): void {
    const nowMs = this.#options.clock.monotonic();
    const before = this.#troubles.get(what);
    if (before?.problem === problem) return;
    const isQuiet = before !== undefined && nowMs < before.quietUntilMs;
    const isSaid = problem !== undefined && !isQuiet;
    if (isSaid) this.#options.logger.warn(`${what}: ${problem}`);
    const quietUntilMs = isSaid ? nowMs + QUIET_MS : before?.quietUntilMs ?? 0;
    this.#troubles.set(what, {
      problem: isQuiet ? undefined : problem,
      quietUntilMs,
    });
  }
}

/** A request, and the offer made for it. */
interface Asked {
  readonly request: DhcpMessage;
  readonly client: BootClient;
  readonly offer: Offer;
}

async function closeSession(
  { sender, proxy, relayed }: LinkSession,
): Promise<void> {
  await sender[Symbol.asyncDispose]();
  await proxy?.[Symbol.asyncDispose]();
  await relayed?.[Symbol.asyncDispose]();
}

/** `eth0 192.168.1.10`: how a link is named in log lines. */
export function describePxeLink({ interfaceName, address }: PxeLink): string {
  return `${interfaceName} ${address}`;
}
