import type { ChannelArch } from "../core/channel_arch.ts";
import type { Result } from "../core/result.ts";

/** What is advertised about one image that is hashed and served. */
export interface Advertisement {
  readonly image: ChannelArch;
  /** The manifest's `version`. */
  readonly version: string;
}

/**
 * One way of telling the network, such as mDNS or a DHT. It keeps what was
 * published alive (announcing, answering, refreshing) until it is withdrawn
 * or the advertiser is disposed of, which withdraws everything.
 */
export interface Advertiser extends AsyncDisposable {
  /** The name in log lines. */
  readonly name: "mDNS" | "DHT";
  /**
   * Publishes an image, or updates it when it is published already. Goes on
   * trying after a refusal, so that the caller has nothing to repeat.
   *
   * @returns once the network can find the image, or the reason why it cannot
   * yet, after a few seconds at most
   */
  publish(
    advertisement: Advertisement,
    options: { readonly signal: AbortSignal },
  ): Promise<Result<void>>;
  /** Whether the network can find the image at the moment. */
  isPublished(image: ChannelArch): boolean;
  /** Stops advertising an image; one that is not published is left alone. */
  withdraw(
    image: ChannelArch,
    options: { readonly signal: AbortSignal },
  ): Promise<void>;
}
