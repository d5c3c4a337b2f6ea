import { type ChannelArch, formatChannelArch } from "../core/channel_arch.ts";
import { listChanges } from "../core/list_changes.ts";
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
 * left alone, and costs next to nothing where it is the same object.
 */
export function planAdvertisements(
  present: readonly Advertisement[],
  desired: readonly Advertisement[],
): AdvertisementPlan {
  const { gone, come } = listChanges(present, desired);
  const before = byName(gone);
  const after = byName(come);
  return {
    publish: [...after].filter(([name, { version }]) =>
      before.get(name)?.version !== version
    ).map(([, advertisement]) => advertisement),
    withdraw: [...before].filter(([name]) => !after.has(name))
      .map(([, { image }]) => image),
  };
}

function byName(
  advertisements: readonly Advertisement[],
): Map<string, Advertisement> {
  return new Map(
    advertisements.map((advertisement) => [
      formatChannelArch(advertisement.image),
      advertisement,
    ]),
  );
}
