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
 * left alone, and costs next to nothing where it is the same object.
 */
export function planAdvertisements(
  present: readonly Advertisement[],
  desired: readonly Advertisement[],
): AdvertisementPlan {
  if (present === desired) return { publish: [], withdraw: [] };
  const before = without(present, desired);
  const after = without(desired, present);
  return {
    publish: [...after].filter(([name, { version }]) =>
      before.get(name)?.version !== version
    ).map(([, advertisement]) => advertisement),
    withdraw: [...before].filter(([name]) => !after.has(name))
      .map(([, { image }]) => image),
  };
}

/** Those of one list that are not in the other, by name. */
function without(
  list: readonly Advertisement[],
  other: readonly Advertisement[],
): Map<string, Advertisement> {
  const others = new Set(other);
  return new Map(
    list.filter((advertisement) => !others.has(advertisement))
      .map((advertisement) => [
        formatChannelArch(advertisement.image),
        advertisement,
      ]),
  );
}
