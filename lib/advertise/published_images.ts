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
}

/** The images that are advertised, under which names, and what is said of them. */
export class PublishedImages {
  readonly #provider: ProviderAddress;
  readonly #hostId: string;
  readonly #images = new Map<string, PublishedImage>();
  /** The instance names of all images. */
  readonly #taken = new Set<DnsName>();
  /** Those of images that are advertised stay, however many they are. */
  readonly #ownKeys = new BoundedMap<string, true>(
    () => MAX_CHANGED_RECORDS + 4 * this.#images.size,
    "forget oldest",
  );
  /** By the provider's address on a link. */
  readonly #made = new BoundedMap<string, {
    readonly common: string;
    readonly claims: WeakMap<PublishedImage, Claim>;
  }>(MAX_ADDRESSES, "forget oldest");
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
    this.#put(id, { image, version, ordinal });
    return ok(undefined);
  }

  /** Removes an image; false when it was not there. */
  delete(image: ChannelArch): boolean {
    const id = formatChannelArch(image);
    const published = this.#images.get(id);
    if (published === undefined) return false;
    this.#taken.delete(this.#instanceOf(published));
    return this.#images.delete(id);
  }

  /** Whether there is nothing to advertise. */
  get isEmpty(): boolean {
    return this.#images.size === 0;
  }

  /**
   * What is claimed on one link.
   *
   * @param address the provider's on the link, for manifest URLs
   * @param hostAddresses all of the interface, either family
   */
  claims(
    address: string,
    hostAddresses: readonly string[],
  ): Map<string, Claim> {
    const claims = new Map<string, Claim>();
    if (this.isEmpty) return claims;
    const host = hostDnsName(this.#hostId, this.#hostOrdinal);
    claims.set(HOST_CLAIM, hostClaim(host, hostAddresses));
    const made = this.#claimsMadeFor(address, host);
    for (const [id, published] of this.#images) {
      const claim = made.get(published) ??
        this.#imageClaim(published, address, host);
      if (claim === undefined) continue;
      made.set(published, claim);
      claims.set(id, claim);
    }
    for (const record of [...claims.values()].flatMap((c) => c.unique)) {
      this.#ownKeys.set(recordKey(record), true);
    }
    return claims;
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
    const { image, version } = published;
    const ordinal = this.#freeOrdinal(image, published.ordinal + 1);
    const renamed = { image, version, ordinal };
    this.#taken.delete(this.#instanceOf(published));
    this.#put(id, renamed);
    return this.#instanceOf(renamed);
  }

  /**
   * The claims of before, which hold as long as what all have in common does:
   * of thousands of images few change at a time.
   */
  #claimsMadeFor(
    address: string,
    host: DnsName,
  ): WeakMap<PublishedImage, Claim> {
    const common = `${host} ${this.#provider.p2pAddress?.(address)}`;
    const before = this.#made.get(address);
    if (before?.common === common) return before.claims;
    const claims = new WeakMap<PublishedImage, Claim>();
    this.#made.set(address, { common, claims });
    return claims;
  }

  /** @returns undefined for an address longer than all there are */
  #imageClaim(
    published: PublishedImage,
    address: string,
    host: DnsName,
  ): Claim | undefined {
    const txt = this.#txt(published, address);
    return txt.ok
      ? serviceClaim({
        instance: this.#instanceOf(published),
        listedUnder: [SERVICE_NAME, subtypeName(published.image)],
        host,
        port: this.#provider.port,
        txt: txt.value,
      })
      : undefined;
  }

  #put(id: string, published: PublishedImage): void {
    this.#images.set(id, published);
    this.#taken.add(this.#instanceOf(published));
  }

  #instanceOf(
    { image, ordinal }: Pick<PublishedImage, "image" | "ordinal">,
  ): DnsName {
    return instanceName(image, this.#hostId, ordinal);
  }

  #txt(
    { image, version }: Omit<PublishedImage, "ordinal">,
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
