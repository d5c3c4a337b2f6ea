import { type ChannelArch, formatChannelArch } from "../core/channel_arch.ts";
import { type Clock, deadline, systemClock } from "../core/clock.ts";
import type { Logger } from "../core/log.ts";
import { printable } from "../core/printable.ts";
import { ok, refuse, type Result } from "../core/result.ts";
import { type DnsRecord, recordKey } from "../net/dns_message.ts";
import type { DnsName } from "../net/dns_name.ts";
import type { Link } from "../net/interfaces.ts";
import type { Claim } from "../net/mdns_claim_register.ts";
import { describeLink, MdnsLinks } from "../net/mdns_links.ts";
import { hostDnsName, hostIdOf, instanceName } from "../net/mdns_names.ts";
import {
  hostClaim,
  imageClaim,
  imageTxt,
  linkManifestUrl,
} from "../net/mdns_records.ts";
import { ResponderLink } from "../net/mdns_responder_link.ts";
import type { MdnsNetwork } from "../net/mdns_socket.ts";
import { systemMdnsNetwork } from "../net/mdns_system_network.ts";
import type { Advertisement, Advertiser } from "./advertiser.ts";

/** What the mDNS advertiser works with. */
export interface MdnsAdvertiserOptions {
  readonly logger: Logger;
  /** Interface names or addresses; none for the usual ones. */
  readonly interfaces: readonly string[];
  /** The machine's name, from which the advertised names are made. */
  readonly hostName: string;
  /** Where HTTP is served. */
  readonly port: number;
  /** Replaces scheme, address and port of the manifest URLs. */
  readonly advertiseUrl?: URL;
  /** The DHT node's multiaddr with peer id, as reached over that address. */
  readonly p2pAddress?: (linkAddress: string) => string | undefined;
  /** Whether HTTP answers on an address. @default {() => true} */
  readonly isServed?: (linkAddress: string) => boolean;
  /** @default {systemClock} */
  readonly clock?: Clock;
  /** @default {systemMdnsNetwork} */
  readonly network?: MdnsNetwork;
  /** 0 to below 1. @default {Math.random} */
  readonly random?: () => number;
}

/** How one link is doing, for `plasmd status`. */
export interface MdnsLinkState {
  readonly interfaceName: string;
  readonly address: string;
  readonly state: "established" | "probing" | "failed";
  /** Why it failed: a clause. */
  readonly reason?: string;
}

/** Advertises images by multicast DNS. */
export interface MdnsAdvertiser extends Advertiser {
  readonly name: "mDNS";
  /** Every link in use, working or not. */
  links(): readonly MdnsLinkState[];
}

/** How long `publish` waits for a link: probing takes up to a second. */
const PUBLISH_TIMEOUT_MS = 3000;
/** The claim of the host name; those of images are named `channel/arch`. */
const HOST_CLAIM = "host";
/** Own records that are remembered after they changed. */
const MAX_REMEMBERED = 1000;

/**
 * Opens the sockets of every link. Trouble with them is logged, told by
 * `publish` and mended in the background, never thrown.
 */
export async function openMdnsAdvertiser(
  options: MdnsAdvertiserOptions,
): Promise<MdnsAdvertiser> {
  const advertiser = new LinksAdvertiser(options);
  await advertiser.start();
  return advertiser;
}

interface Published {
  readonly advertisement: Advertisement;
  /** From 2 on appended to the name. */
  ordinal: number;
}

class LinksAdvertiser implements MdnsAdvertiser {
  readonly name = "mDNS";
  readonly #options: MdnsAdvertiserOptions;
  readonly #clock: Clock;
  readonly #hostId: string;
  readonly #links: MdnsLinks<ResponderLink>;
  readonly #published = new Map<string, Published>();
  readonly #ownKeys = new Set<string>();
  readonly #waiting = new Set<() => void>();
  #hostOrdinal = 1;

  constructor(options: MdnsAdvertiserOptions) {
    const {
      clock = systemClock,
      network = systemMdnsNetwork,
      random = Math.random,
      interfaces,
      logger,
    } = options;
    this.#options = options;
    this.#clock = clock;
    this.#hostId = hostIdOf(options.hostName);
    this.#links = new MdnsLinks({
      clock,
      network,
      interfaces,
      open: (link) =>
        ResponderLink.open(link, {
          clock,
          network,
          random,
          isOurs: (record) => this.#isOurs(record),
          allLinks: () => this.#links.sessions().map((s) => s.link),
          onClaim: (session, event) =>
            event.kind === "established"
              ? this.#onEstablished(session.link, event.id)
              : this.#onConflict(event.id, event.name),
          onMalformed: (reason) => logger.debug(`mdns packet: ${reason}`),
        }),
      onProblem: ({ link, problem }) =>
        logger.warn(`mdns ${link.interfaceName} ${problem}`),
      onRefreshed: () => this.#sync(),
    });
  }

  async start(): Promise<void> {
    await this.#links.start();
    if (this.links().length === 0) {
      this.#options.logger.warn(`mdns ${this.#noLink()}`);
    }
  }

  links(): readonly MdnsLinkState[] {
    const working = this.#links.sessions().map((session): MdnsLinkState => ({
      interfaceName: session.link.interfaceName,
      address: session.link.addresses[0]?.address ?? "",
      state: session.isEstablished(HOST_CLAIM) ? "established" : "probing",
    }));
    const failed = this.#links.problems().map((p): MdnsLinkState => ({
      interfaceName: p.link.interfaceName,
      address: p.link.addresses[0]?.address ?? "",
      state: "failed",
      reason: p.problem,
    }));
    return [...working, ...failed];
  }

  async publish(
    advertisement: Advertisement,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<Result<void>> {
    const id = formatChannelArch(advertisement.image);
    const txt = this.#txt(advertisement, "0.0.0.0");
    if (!txt.ok) return txt;
    const ordinal = this.#published.get(id)?.ordinal ??
      this.#freeOrdinal(advertisement.image);
    this.#published.set(id, { advertisement, ordinal });
    this.#sync();
    using limit = deadline(this.#clock, PUBLISH_TIMEOUT_MS, { signal });
    while (!this.#isAnnounced(id)) {
      if (limit.signal.aborted) break;
      await this.#change(limit.signal);
    }
    signal.throwIfAborted();
    return this.#isAnnounced(id) ? ok(undefined) : refuse(this.#whyNot());
  }

  isPublished(image: ChannelArch): boolean {
    return this.#isAnnounced(formatChannelArch(image));
  }

  async withdraw(
    image: ChannelArch,
    _options: { readonly signal: AbortSignal },
  ): Promise<void> {
    if (this.#published.delete(formatChannelArch(image))) this.#sync();
    await Promise.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#links[Symbol.asyncDispose]();
  }

  #sync(): void {
    const all = this.#links.sessions().map((session) => ({
      session,
      claims: this.#claims(session.link),
    }));
    for (const { claims } of all) this.#remember(claims.values());
    for (const { session, claims } of all) session.setClaims(claims);
  }

  /** What is claimed on a link: nothing where HTTP does not answer. */
  #claims(link: Link): Map<string, Claim> {
    const { port, isServed = () => true } = this.#options;
    const claims = new Map<string, Claim>();
    const served = link.addresses.map((a) => a.address).filter(isServed);
    const [address] = served;
    if (address === undefined || this.#published.size === 0) return claims;
    const host = hostDnsName(this.#hostId, this.#hostOrdinal);
    claims.set(HOST_CLAIM, hostClaim(host, served));
    for (const [id, { advertisement, ordinal }] of this.#published) {
      const { image } = advertisement;
      const txt = this.#txt(advertisement, address);
      if (!txt.ok) continue; // publish() refused it
      const instance = instanceName(image, this.#hostId, ordinal);
      const claim = imageClaim({ image, instance, host, port, txt: txt.value });
      claims.set(id, claim);
    }
    return claims;
  }

  #txt(
    { image, version }: Advertisement,
    address: string,
  ): Result<Uint8Array[]> {
    const { port, advertiseUrl, p2pAddress } = this.#options;
    return imageTxt({
      image,
      version,
      manifestUrl: linkManifestUrl(image, { address, port, advertiseUrl }),
      p2pAddress: p2pAddress?.(address),
    });
  }

  /** Two images may differ in characters that names do not have. */
  #freeOrdinal(image: ChannelArch): number {
    const taken = new Set(
      [...this.#published.values()].map(({ advertisement, ordinal }) =>
        instanceName(advertisement.image, this.#hostId, ordinal)
      ),
    );
    let ordinal = 1;
    while (taken.has(instanceName(image, this.#hostId, ordinal))) ordinal++;
    return ordinal;
  }

  #remember(claims: Iterable<Claim>): void {
    for (const { unique } of claims) {
      for (const record of unique) {
        const key = recordKey(record);
        // Moved to the end, so that the oldest are forgotten first.
        this.#ownKeys.delete(key);
        this.#ownKeys.add(key);
      }
    }
    const surplus = this.#ownKeys.size - MAX_REMEMBERED;
    for (const key of [...this.#ownKeys].slice(0, Math.max(0, surplus))) {
      this.#ownKeys.delete(key);
    }
  }

  #isOurs(record: DnsRecord): boolean {
    return this.#ownKeys.has(recordKey(record));
  }

  #onEstablished(link: Link, id: string): void {
    if (id === HOST_CLAIM) {
      this.#options.logger.info(`mdns ${describeLink(link)} established`);
    }
    for (const check of this.#waiting) check();
  }

  /** Another host has the name: the next one is tried on every link. */
  #onConflict(id: string, name: DnsName): void {
    const before = printable(name);
    let after: DnsName;
    if (id === HOST_CLAIM) {
      after = hostDnsName(this.#hostId, ++this.#hostOrdinal);
    } else {
      const published = this.#published.get(id);
      if (published === undefined) return;
      const { image } = published.advertisement;
      published.ordinal++;
      after = instanceName(image, this.#hostId, published.ordinal);
    }
    this.#options.logger.info(
      `mdns name ${before} belongs to another host, trying ${after}`,
    );
    this.#sync();
  }

  #isAnnounced(id: string): boolean {
    return this.#links.sessions().some((session) =>
      session.isEstablished(id) && session.isEstablished(HOST_CLAIM)
    );
  }

  /** Waits until something is established, or the signal aborts. */
  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.#waiting.delete(done);
        signal.removeEventListener("abort", done);
        resolve();
      };
      this.#waiting.add(done);
      signal.addEventListener("abort", done, { once: true });
    });
  }

  #whyNot(): string {
    const states = this.links();
    if (states.length === 0) return this.#noLink();
    return states.map(({ interfaceName, state, reason }) =>
      `${interfaceName} ${
        reason ?? (state === "probing" ? "still probing" : state)
      }`
    ).join(", ");
  }

  #noLink(): string {
    const { interfaces } = this.#options;
    return interfaces.length === 0
      ? "has no network interface with an address"
      : `has no interface "${interfaces.join('", "')}" with an address`;
  }
}
