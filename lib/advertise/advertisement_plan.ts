import { type ChannelArch, formatChannelArch } from "../core/channel_arch.ts";
import type { Advertisement } from "./advertiser.ts";

/** What to do so that the network hears exactly what is served. */
export interface AdvertisementPlan {
  /** New, or with another version than the one published. */
  readonly publish: readonly Advertisement[];
  /** No longer served. */
  readonly withdraw: readonly ChannelArch[];
}

/**
 * Compares what is published with what should be. What is the same in both is
 * left alone.
 */
export function planAdvertisements(
  present: readonly Advertisement[],
  desired: readonly Advertisement[],
): AdvertisementPlan {
  const byName = (list: readonly Advertisement[]) =>
    new Map(list.map((a) => [formatChannelArch(a.image), a]));
  const presentByName = byName(present);
  const desiredByName = byName(desired);
  return {
    publish: desired.filter(({ image, version }) =>
      presentByName.get(formatChannelArch(image))?.version !== version
    ),
    withdraw: present.map(({ image }) => image)
      .filter((image) => !desiredByName.has(formatChannelArch(image))),
  };
}
