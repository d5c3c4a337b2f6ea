import { whenAborted } from "../core/abort.ts";
import { type ChannelArch, formatChannelArch } from "../core/channel_arch.ts";
import { type Clock, sleepInSteps } from "../core/clock.ts";
import type { Logger } from "../core/log.ts";
import { ok, refuse, type Result } from "../core/result.ts";
import type { DnsName } from "../net/dns/name.ts";
import {
  type InterfaceAddress,
  type Link,
  linkLocalAddresses,
  whyNoNetwork,
} from "../net/interfaces.ts";
import type { Claim } from "../net/mdns/claim_register.ts";
import { describeLink, MdnsLinks } from "../net/mdns/links.ts";
import { malformedLog } from "../net/mdns/malformed_log.ts";
import { ResponderLink } from "../net/mdns/responder_link.ts";
import { metaRecord } from "../net/mdns/service_claim.ts";
import {
  type MdnsOptions,
  withSystemDefaults,
} from "../net/mdns/system_network.ts";
import { SERVICE_NAME } from "../wire/dns_sd_names.ts";
import type { Advertisement, Advertiser } from "./advertiser.ts";
import { PreferredAddresses } from "./preferred_addresses.ts";
import {
  HOST_CLAIM,
  type ProviderAddress,
  PublishedImages,
} from "./published_images.ts";

/** What the mDNS advertiser works with. */
export interface MdnsAdvertiserOptions extends MdnsOptions, ProviderAddress {
  /** Told how each link fares. */
  readonly logger: Logger;
  /**
   * Whether HTTP answers on an address; what it does not is not advertised.
   *
   * @default {() => true}
   */
  readonly isServed?: (linkAddress: string) => boolean;
  /**
   * Which of several addresses of IPv6 the system prefers on an interface.
   *
   * @default {() => Promise.resolve(undefined)}
   */
  readonly preferredAddress?: (
    interfaceName: string,
  ) => Promise<string | undefined>;
}

/** How one link is doing, for `plasmd status`. */
export interface MdnsLinkState {
  /** Such as `eth0`. */
  readonly interfaceName: string;
  /** The first of the link's addresses. */
  readonly address: string;
  /** `idle`: there is nothing to advertise there. */
  readonly state: "established" | "probing" | "idle" | "failed";
  /** Why it failed, or does not get on: a clause. */
  readonly reason?: string;
}

/**
 * How long `publish` waits for a link: probing takes up to a second, thousands of
 * images longer, which keep the event loop busy.
 */
const PUBLISH_TIMEOUT_MS = 3000;

/** How often interfaces are polled. */
const POLL_INTERVAL_MS = 3000;

/**
 * Opens the sockets of every link. Trouble with them is logged, told by
 * `publish` and mended in the background, never thrown.
 *
 * @example
 * ```ts ignore
 * await using advertiser = await openMdnsAdvertiser({
 *   logger,
 *   interfaces: ["eth0"],
 *   hostName: "lab",
 *   port: 8080,
 * });
 * await advertiser.publish({ image, version: "2026.11" }, { signal });
 * ```
 */
export async function openMdnsAdvertiser(
  options: MdnsAdvertiserOptions,
): Promise<MdnsAdvertiser> {
  const advertiser = new MdnsAdvertiser(options);
  await advertiser.start();
  return advertiser;
}

/** Advertises images by multicast DNS, on every link in use. */
export class MdnsAdvertiser implements Advertiser {
  /** The name in log lines. */
  readonly name = "mDNS";
  readonly #options: MdnsAdvertiserOptions;
  readonly #clock: Clock;
  readonly #images: PublishedImages;
  readonly #links: MdnsLinks<ResponderLink>;
  readonly #preferred: PreferredAddresses;
  /** Resolved, and replaced, when what `publish` waits for may have come. */
  #changed = Promise.withResolvers<void>();
  #claiming: Promise<void> | undefined;
  #waiting: Promise<void> | undefined;
  /** How many wait for their image to be announced. */
  #publishing = 0;
  /** All addresses of the machine at the last look. */
  #addresses: readonly InterfaceAddress[] = [];
  /** Why images cannot be found on the LAN: a clause. */
  #noNetwork: string | undefined;
  readonly #closing = new AbortController();

  constructor(options: MdnsAdvertiserOptions) {
    const { logger } = options;
    const machine = withSystemDefaults(options);
    const { clock, network, random } = machine;
    const onMalformed = malformedLog({ clock, logger });
    this.#options = options;
    this.#clock = clock;
    this.#images = new PublishedImages(options);
    this.#preferred = new PreferredAddresses({
      ask: options.preferredAddress ?? (() => Promise.resolve(undefined)),
      clock,
      onChange: () => {
        if (!this.#isClosed) this.#claim();
      },
    });
    this.#links = new MdnsLinks({
      ...machine,
      pollIntervalMs: POLL_INTERVAL_MS,
      open: (link) =>
        ResponderLink.open(link, {
          common: [metaRecord(SERVICE_NAME)],
          clock,
          network,
          random,
          isOurs: (record) => this.#images.isOurs(record),
          isSelf: (link, address) =>
            link.addresses.some((own) => own.address === address) ||
            this.#linkLocal(link).includes(address),
          answering: () =>
            this.#links.sessions().values()
              .filter((session) => session.isEstablished(HOST_CLAIM))
              .map((session) => session.link),
          onClaim: (link, event) =>
            event.kind === "established"
              ? this.#onEstablished(link, event.id)
              : this.#onConflict(event.id, event.name),
          onMalformed,
        }),
      onProblem: ({ link, problem }) =>
        logger.warn(`mdns ${link.interfaceName} ${problem}`),
      onGone: (link) => logger.warn(`mdns ${describeLink(link)} gone`),
      onRefreshed: (all) => {
        this.#addresses = all;
        this.#warnOfNoNetwork();
        this.#claim();
        void this.#preferred.ask(this.#links.sessions().map((s) => s.link));
      },
    });
  }

  /** Opens the sockets, and goes on looking for links. */
  async start(): Promise<void> {
    await this.#links.start();
  }

  /** Every link in use, working or not. */
  links(): readonly MdnsLinkState[] {
    const failed = this.#links.problems();
    const working = this.#links.sessions().map(({ link }) => link)
      .filter((link) => !failed.some((f) => f.link === link));
    return [
      ...working.map((link) => ({
        ...linkState(link, this.#stateOf(link)),
        ...this.#doubtAbout(link),
      })),
      ...failed.map(({ link, problem }) => ({
        ...linkState(link, "failed"),
        reason: problem,
      })),
    ];
  }

  /**
   * Probes for the names of images that will be published soon, which takes
   * three quarters of a second (RFC 6762 section 8.1). Nobody finds them before
   * they are.
   */
  reserve(images: readonly ChannelArch[]): void {
    this.#images.reserve(images);
    this.#claim();
  }

  /** Gives up the names of images that have not been published since. */
  release(): void {
    this.#images.release();
    this.#claim();
  }

  /**
   * Publishes an image, or publishes it anew.
   *
   * @returns once a link has announced it, or the reason why none has yet; it
   * is tried again
   */
  async publish(
    { image, version }: Advertisement,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<Result<void>> {
    signal.throwIfAborted();
    const accepted = this.#images.set(image, version);
    if (!accepted.ok) return accepted;
    const id = formatChannelArch(image);
    this.#publishing++;
    try {
      await this.#untilAnnounced(id, { signal });
    } finally {
      this.#publishing--;
    }
    if (this.#isClosed) return refuse("mDNS is being shut down");
    signal.throwIfAborted();
    return this.#isAnnounced(id) ? ok(undefined) : refuse(this.#whyNot());
  }

  async #untilAnnounced(
    id: string,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<void> {
    const wait = this.#waitTogether();
    await this.#claimTogether();
    let isOver = false;
    const over = Promise.race([wait, whenAborted(signal)])
      .then(() => isOver = true);
    while (!this.#isAnnounced(id) && !isOver && !this.#isClosed) {
      await Promise.race([this.#changed.promise, over]);
    }
  }

  get #isClosed(): boolean {
    return this.#closing.signal.aborted;
  }

  /** Whether the image is announced on any link. */
  isPublished(image: ChannelArch): boolean {
    return this.#isAnnounced(formatChannelArch(image));
  }

  /** Stops answering for an image, and says goodbye. */
  async withdraw(image: ChannelArch): Promise<void> {
    if (this.#images.delete(image)) await this.#claimTogether();
  }

  /** Says goodbye to all, and closes the sockets. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#links[Symbol.asyncDispose]();
    this.#changed.resolve();
  }

  /**
   * Brings every link up to date once for all images that change at the same
   * moment: a thousand one by one would take a thousand times as long.
   */
  #claimTogether(): Promise<void> {
    return this.#claiming ??= Promise.resolve().then(() => {
      this.#claiming = this.#waiting = undefined;
      this.#claim();
    });
  }

  /** Ends when time is up for all images that are published at the same moment. */
  #waitTogether(): Promise<void> {
    const { signal } = this.#closing;
    return this.#waiting ??= sleepInSteps(this.#clock, PUBLISH_TIMEOUT_MS, {
      isNeeded: () => this.#publishing > 0,
      signal,
    }).catch(() => {
      // It is being closed.
    });
  }

  /** Brings every link up to date with the images. */
  #claim(): void {
    const all = this.#links.sessions().map((session) => ({
      session,
      claims: this.#claimsOn(session.link),
    }));
    // All are made before any is used: each link knows what the others say.
    for (const { session, claims } of all) session.setClaims(claims);
  }

  /** Said again only when the reason is another one. */
  #warnOfNoNetwork(): void {
    const reason = whyNoNetwork(this.#addresses, this.#options.interfaces);
    if (reason !== undefined && reason !== this.#noNetwork) {
      this.#options.logger.warn(
        `mdns ${reason}, so nobody on the LAN finds the images`,
      );
    }
    this.#noNetwork = reason;
  }

  /**
   * Both families of an interface say the same, IPv4 first: caches that keep
   * the answers of both together would go to and fro between two TXT records.
   * Hosts with a link-local address alone need ours (RFC 6762 section 6.2).
   */
  #claimsOn(link: Link): ReadonlyMap<string, Claim> {
    if (this.#servedOn(link).length === 0) return new Map();
    const { isServed = () => true } = this.#options;
    const served = this.#links.sessions().map((s) => s.link)
      .filter((other) => other.interfaceName === link.interfaceName)
      .sort((a, b) => a.family - b.family)
      .flatMap((other) => this.#servedOn(other));
    const [address = ""] = served;
    return this.#images.claims(address, [
      ...served,
      ...this.#linkLocal(link).filter(isServed),
    ]);
  }

  /** The addresses of a link that HTTP answers on, the preferred one first. */
  #servedOn(link: Link): string[] {
    const { isServed = () => true } = this.#options;
    return this.#preferred.order(link).filter(isServed);
  }

  #linkLocal({ interfaceName }: Link): string[] {
    return linkLocalAddresses(this.#addresses, interfaceName);
  }

  #onEstablished(link: Link, id: string): void {
    if (id === HOST_CLAIM) {
      this.#options.logger.info(`mdns ${describeLink(link)} established`);
    }
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  /** Another host has the name: the next one is tried, on every link. */
  #onConflict(id: string, before: DnsName): void {
    const after = this.#images.rename(id);
    if (after === undefined) return;
    this.#options.logger.info(
      `mdns name ${before} belongs to another host, trying ${after}`,
    );
    this.#claim();
  }

  #isAnnounced(id: string): boolean {
    return this.#links.sessions().some((session) =>
      session.isEstablished(id) && session.isEstablished(HOST_CLAIM)
    );
  }

  #stateOf(link: Link): "established" | "probing" | "idle" {
    const session = this.#links.sessions().find((s) => s.link === link);
    if (session?.isEstablished(HOST_CLAIM) === true) return "established";
    return !this.#images.isEmpty && this.#servedOn(link).length > 0
      ? "probing"
      : "idle";
  }

  #doubtAbout(link: Link): Pick<MdnsLinkState, "reason"> {
    const reason = this.#links.sessions().find((s) => s.link === link)?.doubt;
    return reason === undefined ? {} : { reason };
  }

  #whyNot(): string {
    const states = this.links();
    if (states.length === 0) return this.#noNetwork ?? "no link";
    return states.map(({ interfaceName, state, reason }) =>
      `${interfaceName} ${reason ?? WHY_NOT[state]}`
    ).join(", ");
  }
}

const WHY_NOT = {
  established: "has another name to settle first",
  probing: "is still probing",
  idle: "has no address that HTTP answers on",
  failed: "failed",
} as const;

function linkState(
  { interfaceName, addresses: [first] }: Link,
  state: MdnsLinkState["state"],
): MdnsLinkState {
  return { interfaceName, address: first?.address ?? "", state };
}
