import type { Advertisement, Advertiser } from "../advertise/advertiser.ts";
import { planAdvertisements } from "../advertise/advertisement_plan.ts";
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

/**
 * Keeps what is advertised in step with what is served, and logs each change.
 * One failing advertiser, or one failing image, never stops the rest.
 */
export class Reconciler {
  readonly #advertisers: readonly Advertiser[];
  readonly #logger: Logger;
  #published: readonly Advertisement[] = [];
  /** Images that were logged as advertised. */
  readonly #announced = new Set<string>();
  readonly #missing = new Set<string>();
  #first = true;

  /**
   * Nothing is published until the first `reconcile()`.
   *
   * @param advertisers told of every image; not disposed of here
   */
  constructor(
    { advertisers, logger }: {
      readonly advertisers: readonly Advertiser[];
      readonly logger: Logger;
    },
  ) {
    this.#advertisers = advertisers;
    this.#logger = logger;
  }

  /** Whether an image is offered that clients cannot find yet. */
  get hasUnannounced(): boolean {
    return this.#published.some(({ image }) =>
      !this.#announced.has(formatChannelArch(image))
    );
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
    this.#report(offer, plan.withdraw, reasons);
  }

  /** @param reasons takes why an image cannot be found yet, by image */
  async #publish(
    advertisements: readonly Advertisement[],
    reasons: Map<string, string>,
    signal: AbortSignal,
  ): Promise<void> {
    await Promise.all(advertisements.map(async (advertisement) => {
      const refusals = await Promise.all(
        this.#advertisers.map((a) => publishOn(a, advertisement, signal)),
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
        this.#advertisers.map(async (advertiser) => {
          try {
            await advertiser.withdraw(image, { signal });
          } catch (error) {
            if (signal.aborted) return;
            this.#logger.warn(
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
    withdrawn: readonly ChannelArch[],
    reasons: ReadonlyMap<string, string>,
  ): void {
    const log = this.#logger;
    if (this.#first) {
      log.info(`Found ${offer.images.length} channel/arch combinations`);
    }
    this.#first = false;
    const missing = new Set(
      offer.missing.map(({ image }) => formatChannelArch(image)),
    );
    for (const image of withdrawn) {
      const name = formatChannelArch(image);
      if (!this.#announced.delete(name)) continue;
      if (missing.has(name)) {
        log.warn(`Withdrew ${name}: missing artifacts`);
        this.#missing.add(name);
      } else log.info(`Withdrew ${name}`);
    }
    const silent: string[] = [];
    for (const { image } of offer.images) {
      const name = formatChannelArch(image);
      if (this.#announced.has(name) && !reasons.has(name)) continue;
      const found = this.#advertisers.some((a) => a.isPublished(image));
      if (found && !this.#announced.has(name)) {
        this.#announced.add(name);
        log.info(`Advertising ${name}`);
      } else if (!found && reasons.has(name)) silent.push(name);
    }
    for (const name of missing) {
      if (!this.#missing.has(name)) {
        log.warn(`Missing artifacts for ${name}`);
      }
    }
    this.#missing.clear();
    for (const name of missing) this.#missing.add(name);
    for (const name of silent) {
      const reason = this.#advertisers.length === 0
        ? "mDNS and DHT are off"
        : reasons.get(name);
      log.warn(`Serving ${name}, but nobody can discover it yet: ${reason}`);
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
