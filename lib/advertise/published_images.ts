import { BoundedMap } from "../core/bounded_map.ts";
import { type ChannelArch, formatChannelArch } from "../core/channel_arch.ts";
import { ok, type Result } from "../core/result.ts";
import { type DnsRecord, recordKey } from "../net/dns/message.ts";
import type { DnsName } from "../net/dns/name.ts";
import type { Claim } from "../net/mdns/claim_register.ts";
import { hostClaim, serviceClaim } from "../net/mdns/service_claim.ts";
import {
  hostDnsName,
  hostIdOf,
  instanceName,
  SERVICE_NAME,
  subtypeName,
} from "../wire/dns_sd_names.ts";
import { manifestPlace } from "../wire/image_service.ts";
import { writeImageTxt } from "../wire/image_txt.ts";

/** The id of the host name's claim; those of images are `channel/arch`. */
export const HOST_CLAIM = "host";

/** Own records that are remembered after they changed. */
const MAX_CHANGED_RECORDS = 1000;

/** More than a machine has links. */
const MAX_ADDRESSES = 1000;

/** What holds for all images of a provider. */
export interface ProviderAddress {
  /** The machine's name, from which ours are made. */
  readonly hostName: string;
  /** Where HTTP is served. */
  readonly port: number;
  /** Replaces scheme, address and port of the manifest URLs. */
  readonly advertiseUrl?: URL | undefined;
  /** The DHT node's multiaddr with peer id, as reached over an address. */
  readonly p2pAddress?:
    | ((linkAddress: string) => string | undefined)
    | undefined;
}

interface PublishedImage {
  readonly image: ChannelArch;
  readonly version: string;
  readonly ordinal: number;
  /** Whether only its name is claimed. */
  readonly isReserved: boolean;
}

/** What is claimed on a link. */
interface MadeClaims {
  /** What it holds for, of all images and of the provider. */
  readonly revision: number;
  readonly common: string;
  readonly claims: ReadonlyMap<string, Claim>;
  readonly byImage: WeakMap<PublishedImage, Claim>;
}

/** The advertised images, with their names and records. */
export class PublishedImages {
  readonly #provider: ProviderAddress;
  readonly #hostId: string;
  readonly #images = new Map<string, PublishedImage>();
  /** The instance names of all images. */
  readonly #taken = new Set<DnsName>();
  /** Records of images that are advertised stay, however many there are. */
  readonly #ownKeys = new BoundedMap<string, true>(
    () =>
      MAX_CHANGED_RECORDS +
      4 * this.#images.size * Math.max(1, this.#made.size),
    "forget oldest",
  );
  /** Keys of records that were made since all were remembered. */
  #newKeyCount = 0;
  /** By the provider's address on a link. */
  readonly #made = new BoundedMap<string, MadeClaims>(
    MAX_ADDRESSES,
    "forget oldest",
  );
  /** Rises whenever an image comes, changes or goes. */
  #revision = 0;
  #hostOrdinal = 1;

  /** Starts without images, at the names and addresses they all share. */
  constructor(provider: ProviderAddress) {
    this.#provider = provider;
    this.#hostId = hostIdOf(provider.hostName);
  }

  /**
   * Adds an image, or changes its version.
   *
   * @returns the reason when its TXT record cannot be written
   */
  set(image: ChannelArch, version: string): Result<void> {
    const txt = this.#txt({ image, version }, "0.0.0.0");
    if (!txt.ok) return txt;
    const id = formatChannelArch(image);
    const { ordinal = this.#freeOrdinal(image) } = this.#images.get(id) ?? {};
    this.#put(id, { image, version, ordinal, isReserved: false });
    return ok(undefined);
  }

  /**
   * Adds images of which only the names are claimed until they are `set()`.
   *
   * Their probes go out with the TXT record as far as it can be known by then,
   * without a version, say. Hosts that probe at the same time compare these
   * records (RFC 6762 section 8.2). One that has seen other records than we
   * compare may decide otherwise: if both give way, they try again after a
   * second; if neither does, both announce, and the conflict sends both back to
   * probing (section 9), with records that do not change any more.
   */
  reserve(images: readonly ChannelArch[]): void {
    for (const image of images) {
      const id = formatChannelArch(image);
      if (this.#images.has(id)) continue;
      const ordinal = this.#freeOrdinal(image);
      this.#put(id, { image, version: "", ordinal, isReserved: true });
    }
  }

  /** Removes the images that have not been set since they were reserved. */
  release(): void {
    for (const { image, isReserved } of this.#images.values()) {
      if (isReserved) this.delete(image);
    }
  }

  /** Removes an image; false when it was not there. */
  delete(image: ChannelArch): boolean {
    const id = formatChannelArch(image);
    const published = this.#images.get(id);
    if (published === undefined) return false;
    this.#taken.delete(this.#instanceOf(published));
    this.#revision++;
    return this.#images.delete(id);
  }

  /** Whether there is nothing to claim. */
  get isEmpty(): boolean {
    return this.#images.size === 0;
  }

  /**
   * The claims for one link: the same object as long as they do not change.
   *
   * @param address the provider's on the link, for manifest URLs
   * @param hostAddresses all of the interface, either family
   */
  claims(
    address: string,
    hostAddresses: readonly string[],
  ): ReadonlyMap<string, Claim> {
    if (this.isEmpty) return new Map();
    const host = hostDnsName(this.#hostId, this.#hostOrdinal);
    const p2pAddress = this.#provider.p2pAddress?.(address);
    const isReserved = this.#images.values().every((one) => one.isReserved);
    const common = [host, isReserved, p2pAddress, ...hostAddresses].join(" ");
    const revision = this.#revision;
    const made = this.#made.get(address);
    const before = made?.common === common ? made : undefined;
    if (before?.revision === revision) return before.claims;
    const claims = new Map<string, Claim>();
    const fresh: Claim[] = [];
    const take = (id: string, claim: Claim | undefined, made?: Claim) => {
      if (claim !== undefined) claims.set(id, claim);
      if (claim !== undefined && claim !== made) fresh.push(claim);
    };
    const sameHost = before?.claims.get(HOST_CLAIM);
    take(
      HOST_CLAIM,
      sameHost ?? { ...hostClaim(host, hostAddresses), isReserved },
      sameHost,
    );
    const byImage = before?.byImage ?? new WeakMap<PublishedImage, Claim>();
    for (const [id, published] of this.#images) {
      const same = byImage.get(published);
      const claim = same ?? this.#imageClaim(published, address, host);
      if (claim !== undefined) byImage.set(published, claim);
      take(id, claim, same);
    }
    this.#made.set(address, { revision, common, claims, byImage });
    this.#remember(fresh);
    return claims;
  }

  /**
   * Remembers records as our own. Now and then all of them are entered again,
   * before so many new ones come that they would be dropped.
   */
  #remember(fresh: readonly Claim[]): void {
    const take = (claims: Iterable<Claim>) => {
      for (const { unique } of claims) {
        for (const record of unique) this.#ownKeys.set(recordKey(record), true);
      }
    };
    this.#newKeyCount += 2 * fresh.length;
    if (this.#newKeyCount > MAX_CHANGED_RECORDS / 2) {
      this.#newKeyCount = 0;
      for (const { claims } of this.#made.values()) take(claims.values());
    } else take(fresh);
  }

  /**
   * Whether a record was claimed on any link, now or lately: what comes back
   * to us from our own packets is no conflict.
   */
  isOurs(record: DnsRecord): boolean {
    return this.#ownKeys.has(recordKey(record));
  }

  /**
   * Takes the next name for a claim that lost its own.
   *
   * @returns the new name; undefined when nothing is claimed by that id
   */
  rename(id: string): DnsName | undefined {
    if (id === HOST_CLAIM) {
      this.#hostOrdinal++;
      return hostDnsName(this.#hostId, this.#hostOrdinal);
    }
    const published = this.#images.get(id);
    if (published === undefined) return undefined;
    const { image } = published;
    const ordinal = this.#freeOrdinal(image, published.ordinal + 1);
    const renamed = { ...published, ordinal };
    this.#taken.delete(this.#instanceOf(published));
    this.#put(id, renamed);
    return this.#instanceOf(renamed);
  }

  /** @returns undefined for an address longer than all there are */
  #imageClaim(
    published: PublishedImage,
    address: string,
    host: DnsName,
  ): Claim | undefined {
    const txt = this.#txt(published, address);
    if (!txt.ok) return undefined;
    const { image, isReserved } = published;
    const claim = serviceClaim({
      instance: this.#instanceOf(published),
      listedUnder: [SERVICE_NAME, subtypeName(image)],
      host,
      port: this.#provider.port,
      txt: txt.value,
    });
    return { ...claim, isReserved };
  }

  #put(id: string, published: PublishedImage): void {
    this.#revision++;
    this.#images.set(id, published);
    this.#taken.add(this.#instanceOf(published));
  }

  #instanceOf(
    { image, ordinal }: Pick<PublishedImage, "image" | "ordinal">,
  ): DnsName {
    return instanceName(image, this.#hostId, ordinal);
  }

  #txt(
    { image, version }: Pick<PublishedImage, "image" | "version">,
    address: string,
  ): Result<Uint8Array[]> {
    const { port, advertiseUrl, p2pAddress } = this.#provider;
    return writeImageTxt({
      image,
      version,
      ...manifestPlace(image, { address, port, advertiseUrl }),
      p2pAddress: p2pAddress?.(address),
    });
  }

  /** Images that differ in characters which names do not have are told apart. */
  #freeOrdinal(image: ChannelArch, first = 1): number {
    let ordinal = first;
    while (this.#taken.has(this.#instanceOf({ image, ordinal }))) ordinal++;
    return ordinal;
  }
}
