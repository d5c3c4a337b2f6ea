import type { DhtPublishing } from "./provider_status.ts";

/** How publishing in the DHT is getting on, in a StatusDocument. */
export interface DhtPublishingDocument {
  /** Images that are being published, or waiting to be. */
  readonly queue: number;
  /** How long the first of them has been waiting. */
  readonly lag_seconds: number;
  /** How many other nodes were told of an image, on average. */
  readonly mean_holders: number;
  /** The last round of refreshes; null before the first. */
  readonly last_round: null | {
    /** When its first image was published. */
    readonly began_at: string;
    /** Images that were published. */
    readonly told: number;
    /** Attempts that reached no node that would keep the record. */
    readonly failed: number;
  };
}

/** The wire form. */
export function publishingJson(
  publishing: DhtPublishing | undefined,
): DhtPublishingDocument | null {
  if (publishing === undefined) return null;
  const { waiting, lagMs, meanHolders, lastRound } = publishing;
  return {
    queue: waiting,
    lag_seconds: Math.round(lagMs / 1000),
    mean_holders: Math.round(meanHolders * 10) / 10,
    last_round: lastRound === undefined ? null : {
      began_at: new Date(lastRound.beganMs).toISOString(),
      told: lastRound.told,
      failed: lastRound.failed,
    },
  };
}
