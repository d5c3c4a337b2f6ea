import type { ChannelArch } from "../core/channel_arch.ts";

/** A record to be signed and told to other nodes now. */
export interface PublishOrder {
  readonly image: ChannelArch;
  /** The manifest's `version`. */
  readonly version: string;
  /** The manifest's URL as others can reach it. */
  readonly url: string;
  /** What the record is dated: later than every one before. */
  readonly lastUpdatedMs: number;
  /**
   * Whether others know it already, from before a restart: it is only to be
   * answered for.
   */
  readonly isTold: boolean;
  /** Aborts when the image is published anew, or no more: the order is void. */
  readonly signal: AbortSignal;
}
