import type { DhtAdvertiser } from "../advertise/dht_advertiser.ts";
import type { DhtImageStatus } from "../advertise/dht_publications.ts";
import type { MdnsAdvertiser } from "../advertise/mdns_advertiser.ts";
import { type ChannelArch, formatChannelArch } from "../core/channel_arch.ts";
import type {
  AdvertisementStatus,
  ProviderStatus,
} from "../http/status/provider_status.ts";
import type { DhtNode } from "../net/dht/node.ts";

/** What makes a provider's images known. */
export interface Discovery {
  /** Unset: off, or not open yet. */
  readonly mdns?: Pick<MdnsAdvertiser, "isPublished" | "links"> | undefined;
  /** Unset: off, or not open yet. */
  readonly dht?: Pick<DhtAdvertiser, "isPublished" | "status"> | undefined;
  /** Unset: off, or not open yet. */
  readonly node?: Pick<DhtNode, "peerId" | "peerCount"> | undefined;
}

/**
 * How discovery stands, for operators.
 *
 * @param enabled what the settings ask for
 * @param images what is served
 */
export function discoveryStatus(
  { mdns, dht, node }: Discovery,
  enabled: { readonly mdns: boolean; readonly dht: boolean },
  images: readonly ChannelArch[],
): Pick<
  ProviderStatus,
  "advertisers" | "advertisements" | "links" | "dht"
> {
  const inDhtByName = new Map(
    dht?.status().map((s) => [formatChannelArch(s.image), s]),
  );
  return {
    advertisers: [
      ...enabled.mdns ? ["mDNS" as const] : [],
      ...enabled.dht ? ["DHT" as const] : [],
    ],
    advertisements: images.flatMap((image) => [
      ...enabled.mdns ? [inMdns(image, mdns)] : [],
      ...enabled.dht
        ? [inDht(image, dht, inDhtByName.get(formatChannelArch(image)))]
        : [],
    ]),
    links: mdns?.links() ?? [],
    ...node !== undefined &&
      { dht: { peerId: node.peerId, peerCount: node.peerCount() } },
  };
}

function inMdns(
  image: ChannelArch,
  mdns: Discovery["mdns"],
): AdvertisementStatus {
  return { image, via: "mDNS", published: mdns?.isPublished(image) ?? false };
}

function inDht(
  image: ChannelArch,
  dht: Discovery["dht"],
  status: DhtImageStatus | undefined,
): AdvertisementStatus {
  return {
    image,
    via: "DHT",
    published: dht?.isPublished(image) ?? false,
    ...status !== undefined && { holders: status.storedAt },
    ...status?.lastPublishedMs !== undefined &&
      { lastPublishedMs: status.lastPublishedMs },
    ...status?.nextRefreshMs !== undefined &&
      { nextRefreshMs: status.nextRefreshMs },
    ...status?.problem !== undefined && { problem: status.problem },
  };
}
