import {
  type ChannelArch,
  formatChannelArch,
  sameImage,
} from "../../core/channel_arch.ts";
import { ok, refuse, type Result } from "../../core/result.ts";
import type { MachineSteps } from "../../machines/machine_steps.ts";
import { readTrustEnvelope } from "../../manifest/trust_chain.ts";
import type { TrustRoot } from "../../manifest/trust_root.ts";
import { totalBytes } from "../../scan/digest.ts";
import type { ServedImage } from "../artifacts/image_catalog.ts";
import type { TrustDocuments } from "../artifacts/trust_document.ts";
import type { TransferCounts, TransferState } from "../artifacts/transfers.ts";
import type { AdvertisementStatus, ProviderStatus } from "./provider_status.ts";
import type { RequestCount } from "./request_counts.ts";

/** A provider at one moment: what `/status`, `/metrics` and the page show. */
export interface Snapshot {
  /** Milliseconds since 1970. */
  readonly nowMs: number;
  /** Discovery, and what is missing. */
  readonly provider: ProviderStatus;
  readonly images: readonly ServedImage[];
  /** The succession of trusted keys, by number. */
  readonly trustDocuments: TrustDocuments;
  /** What machines did that boot. */
  readonly machines: Pick<MachineSteps, "list" | "counts">;
  /** Answers since the start. */
  readonly requests: readonly RequestCount[];
  /** Downloads since the start. */
  readonly downloads: TransferCounts;
  /** Running downloads and the last that ended, newest first. */
  readonly recentDownloads: readonly TransferState[];
}

/** How each way of advertising stands with an image. */
export function advertisementsOf(
  { provider }: Pick<Snapshot, "provider">,
  image: ChannelArch,
): readonly AdvertisementStatus[] {
  return provider.advertisements.filter((a) => sameImage(a.image, image));
}

/** All artifacts of an image together. */
export function imageSizeBytes({ artifacts }: ServedImage): number {
  return totalBytes(artifacts.values());
}

/** The newest trust document, and when it expires, where it does. */
export function newestTrust(
  { trustDocuments }: Pick<Snapshot, "trustDocuments">,
): Pick<TrustRoot, "trustVersion" | "expiresAtMs"> | undefined {
  const bytes = trustDocuments.get(Math.max(...trustDocuments.keys()));
  const root = bytes && readTrustEnvelope(bytes);
  return root?.ok ? root.value : undefined;
}

/**
 * Whether clients can be sent here: something is served that has not expired,
 * and can be found if finding is switched on at all. A bootstrap node is ready
 * where others can join through it.
 *
 * @returns the images that clients can find, or what is in the way
 */
export function readiness(
  { provider, images, nowMs }: Pick<Snapshot, "provider" | "images" | "nowMs">,
): Result<readonly ChannelArch[]> {
  if (provider.kind === "bootstrap") return nodeReadiness(provider);
  if (images.length === 0) return refuse("nothing is served");
  const served = images.filter(({ manifest }) => manifest.expiresAtMs > nowMs)
    .map(({ image }) => image);
  if (served.length === 0) {
    return refuse("every manifest that is served has expired");
  }
  if (provider.advertisers.length === 0) return ok(served);
  const published = new Set(
    provider.advertisements.filter(({ published }) => published)
      .map(({ image }) => formatChannelArch(image)),
  );
  const found = served.filter((image) =>
    published.has(formatChannelArch(image))
  );
  if (found.length > 0) return ok(found);
  const names = served.map(formatChannelArch).join(", ");
  return refuse(
    `${names} served, but not found by ${
      provider.advertisers.join(" or ")
    } yet`,
  );
}

function nodeReadiness({ dht }: ProviderStatus): Result<readonly []> {
  if (dht === undefined) return refuse("the DHT node is starting");
  if (dht.isReachable === false) {
    return refuse("other DHT nodes cannot connect to this machine");
  }
  // A node without bootstrap addresses is the first of its network.
  return dht.peerCount > 0 || dht.bootstrap.size === 0
    ? ok([])
    : refuse("none of the bootstrap nodes is known to be up");
}
