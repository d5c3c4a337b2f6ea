import type { Advertisement, Advertiser } from "../advertise/advertiser.ts";
import {
  type AdvertisementPlan,
  planAdvertisements,
} from "../advertise/advertisement_plan.ts";
import { whenAborted } from "../core/abort.ts";
import { type ChannelArch, formatChannelArch } from "../core/channel_arch.ts";
import type { Logger } from "../core/log.ts";
import { messageOf } from "../core/printable.ts";
import type { MissingImage } from "../scan/scan_available.ts";

/** What is served and what is missing at the moment. */
export interface Offer {
  /** Hashed and served already. */
  readonly images: readonly Advertisement[];
  /** Expected, and not there. */
  readonly missing: readonly MissingImage[];
}

/** What a reconciler compares, and which advertisers it tells. */
export interface ReconcilerOptions {
  /** Told of every image; not disposed of here. */
  readonly advertisers: readonly Advertiser[];
  /** Told of each change. */
  readonly logger: Logger;
}

/** Beyond this, images with the same trouble share one line. */
const MAX_SILENT_LINES = 20;

/**
 * Keeps what is advertised in step with what is served, and logs each change.
 * One failing advertiser, or one failing image, never stops the rest.
 */
export class Reconciler {
  readonly #options: ReconcilerOptions;
  #published: readonly Advertisement[] = [];
  /** Images that were logged as advertised. */
  readonly #announced = new Set<string>();
  /** By name: images that were not. */
  readonly #unannounced = new Map<string, ChannelArch>();
  readonly #missing = new Set<string>();
  #first = true;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
  }

  /** Whether an image is offered that clients cannot find yet. */
  get hasUnannounced(): boolean {
    return this.#unannounced.size > 0;
  }

  /**
   * Publishes what is new or changed and withdraws what is gone.
   *
   * @param interrupt aborts when there is more to do: the round then ends
   * without waiting until the network can find what was published, which the
   * advertisers go on with
   * @throws the signal's reason, when it aborts
   */
  async reconcile(
    offer: Offer,
    { interrupt, signal }: {
      readonly interrupt?: AbortSignal;
      readonly signal: AbortSignal;
    },
  ): Promise<void> {
    const plan = planAdvertisements(this.#published, offer.images);
    this.#published = offer.images;
    const reasons = new Map<string, string>();
    const published = this.#publish(plan.publish, reasons, signal);
    await Promise.all([
      this.#withdraw(plan.withdraw, signal),
      interrupt !== undefined && plan.publish.length > 0
        ? Promise.race([published, whenAborted(interrupt)])
        : published,
    ]);
    signal.throwIfAborted();
    this.#report(offer, plan, reasons);
  }

  /** @param reasons takes why an image cannot be found yet, by image */
  async #publish(
    advertisements: readonly Advertisement[],
    reasons: Map<string, string>,
    signal: AbortSignal,
  ): Promise<void> {
    await Promise.all(advertisements.map(async (advertisement) => {
      const refusals = await Promise.all(
        this.#options.advertisers.map((a) =>
          publishOn(a, advertisement, signal)
        ),
      );
      reasons.set(
        formatChannelArch(advertisement.image),
        refusals.filter((r) => r !== undefined).join("; "),
      );
    }));
  }

  async #withdraw(
    images: readonly ChannelArch[],
    signal: AbortSignal,
  ): Promise<void> {
    await Promise.all(
      images.flatMap((image) =>
        this.#options.advertisers.map(async (advertiser) => {
          try {
            await advertiser.withdraw(image, { signal });
          } catch (error) {
            if (signal.aborted) return;
            this.#options.logger.warn(
              `Cannot withdraw ${formatChannelArch(image)} from ` +
                `${advertiser.name}: ${messageOf(error)}`,
            );
          }
        })
      ),
    );
  }

  /** Logs everything at once, so that no other line comes in between. */
  #report(
    offer: Offer,
    { publish, withdraw }: AdvertisementPlan,
    reasons: ReadonlyMap<string, string>,
  ): void {
    const log = this.#options.logger;
    if (this.#first) {
      log.info(`Found ${offer.images.length} channel/arch combinations`);
    }
    this.#first = false;
    const missing = new Set(
      offer.missing.map(({ image }) => formatChannelArch(image)),
    );
    for (const image of withdraw) {
      const name = formatChannelArch(image);
      this.#unannounced.delete(name);
      if (!this.#announced.delete(name)) continue;
      if (missing.has(name)) {
        log.warn(`Withdrew ${name}: missing artifacts`);
        this.#missing.add(name);
      } else log.info(`Withdrew ${name}`);
    }
    const silent = this.#announce(publish, reasons);
    for (const name of missing) {
      if (!this.#missing.has(name)) {
        log.warn(`Missing artifacts for ${name}`);
      }
    }
    this.#missing.clear();
    for (const name of missing) this.#missing.add(name);
    for (const [reason, names] of silent) {
      this.#reportSilent(
        names,
        this.#options.advertisers.length === 0
          ? "mDNS and DHT are off"
          : reason,
      );
    }
  }

  /**
   * Logs each image that can be found from now on.
   *
   * @returns those of this round that nobody can discover, by reason
   */
  #announce(
    published: readonly Advertisement[],
    reasons: ReadonlyMap<string, string>,
  ): Map<string, string[]> {
    const looked = new Map(this.#unannounced);
    for (const { image } of published) {
      const name = formatChannelArch(image);
      looked.set(name, image);
      if (!this.#announced.has(name)) this.#unannounced.set(name, image);
    }
    const silent = new Map<string, string[]>();
    for (const [name, image] of looked) {
      const reason = reasons.get(name);
      if (this.#options.advertisers.some((a) => a.isPublished(image))) {
        if (!this.#unannounced.delete(name)) continue;
        this.#announced.add(name);
        this.#options.logger.info(`Advertising ${name}`);
      } else if (reason !== undefined) {
        const others = silent.get(reason);
        if (others === undefined) silent.set(reason, [name]);
        else others.push(name);
      }
    }
    return silent;
  }

  /** A line for each image, or one for thousands that have the same trouble. */
  #reportSilent(names: readonly string[], reason: string): void {
    if (names.length > MAX_SILENT_LINES) {
      this.#options.logger.warn(
        `Serving ${names.length} images, for example ${
          names[0]
        }, but nobody can discover them yet: ${reason}`,
      );
      return;
    }
    for (const name of names) {
      this.#options.logger.warn(
        `Serving ${name}, but nobody can discover it yet: ${reason}`,
      );
    }
  }
}

/** @returns why it was not published, if so */
async function publishOn(
  advertiser: Advertiser,
  advertisement: Advertisement,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const result = await advertiser.publish(advertisement, { signal });
    return result.ok ? undefined : `${advertiser.name}: ${result.reason}`;
  } catch (error) {
    return `${advertiser.name}: ${messageOf(error)}`;
  }
}
