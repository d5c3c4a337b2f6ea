import type { DhtAdvertiser } from "../advertise/dht_advertiser.ts";
import type { DhtImageStatus } from "../advertise/dht_image_status.ts";
import type { MdnsAdvertiser } from "../advertise/mdns_advertiser.ts";
import { type ChannelArch, formatChannelArch } from "../core/channel_arch.ts";
import { VERSION } from "../core/version.ts";
import type {
  AdvertisementStatus,
  ProviderStatus,
} from "../http/status/provider_status.ts";
import type { DhtNode } from "../net/dht/node.ts";
import type { HttpServer } from "../net/http1/server.ts";
import { copyWarning } from "./join_news.ts";
import type { Machine, ServeConfig } from "./machine.ts";

/** What makes a provider's images known. */
export interface Discovery {
  /** Unset: off, or not open yet. */
  readonly mdns?: Pick<MdnsAdvertiser, "isPublished" | "links"> | undefined;
  /** Unset: off, or not open yet. */
  readonly dht?:
    | Pick<DhtAdvertiser, "isPublished" | "status" | "progress">
    | undefined;
  /** Unset: off, or not open yet. */
  readonly node?:
    | Pick<
      DhtNode,
      | "peerId"
      | "peerCount"
      | "peers"
      | "isReachable"
      | "joinStates"
      | "copiedAt"
      | "requestCounts"
      | "sentCounts"
    >
    | undefined;
}

/** Which program it is that serves HTTP, since when and where. */
export function programStatus(
  { name, interfaces }: ServeConfig,
  { hostName }: Pick<Machine, "hostName">,
  { hostname, port }: Pick<HttpServer, "hostname" | "port">,
  startedMs: number,
): Pick<
  ProviderStatus,
  "name" | "version" | "startedMs" | "http" | "interfaces"
> {
  return {
    name: name ?? hostName,
    version: VERSION,
    startedMs,
    http: { address: hostname, port },
    interfaces,
  };
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
    advertisements: images.flatMap((image): AdvertisementStatus[] => [
      ...enabled.mdns
        ? [{
          image,
          via: "mDNS" as const,
          published: mdns?.isPublished(image) ?? false,
        }]
        : [],
      ...enabled.dht
        ? [{
          ...inDht(inDhtByName.get(formatChannelArch(image))),
          image,
          via: "DHT" as const,
          published: dht?.isPublished(image) ?? false,
        }]
        : [],
    ]),
    links: mdns?.links() ?? [],
    ...node !== undefined &&
      {
        dht: {
          peerId: node.peerId,
          peerCount: node.peerCount(),
          peers: () => node.peers(),
          requests: node.requestCounts.list(),
          sentRequests: node.sentCounts.list(),
          publishing: dht?.progress(),
          isReachable: node.isReachable(),
          bootstrap: node.joinStates(),
        },
      },
  };
}

/** What is wrong with the DHT node at the moment: one clause each. */
export function nodeWarnings(
  node: Pick<DhtNode, "copiedAt"> | undefined,
): string[] {
  const copiedAt = node?.copiedAt();
  return copiedAt === undefined ? [] : [copyWarning(copiedAt)];
}

/** The status in the DHT, as the provider reports it. */
function inDht({ storedAt, ...status }: Partial<DhtImageStatus> = {}) {
  return { ...storedAt !== undefined && { holders: storedAt }, ...status };
}
