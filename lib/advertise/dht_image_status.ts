import type { ChannelArch } from "../core/channel_arch.ts";

/** How one image stands in the DHT. */
export interface DhtImageStatus {
  readonly image: ChannelArch;
  /** When other nodes last took its record, milliseconds since 1970. */
  readonly lastPublishedMs?: number;
  /** How many other nodes took it then. */
  readonly storedAt: number;
  /** When it is published again; left out while that is being done. */
  readonly nextRefreshMs?: number;
  /** Why the last attempt failed. */
  readonly problem?: string;
}
