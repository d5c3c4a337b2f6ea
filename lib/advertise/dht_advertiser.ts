import { whenAborted } from "../core/abort.ts";
import type { ChannelArch } from "../core/channel_arch.ts";
import type { Clock } from "../core/clock.ts";
import { DueTimer } from "../core/due_timer.ts";
import type { Logger } from "../core/log.ts";
import { messageOf } from "../core/printable.ts";
import { ok, refuse, type Result } from "../core/result.ts";
import { noHolderReason } from "../net/dht/no_holder_reason.ts";
import type { DhtNode } from "../net/dht/node.ts";
import { bootRecordKey, signBootRecord } from "../wire/boot_record.ts";
import type { Advertisement, Advertiser } from "./advertiser.ts";
import {
  type DhtImageStatus,
  DhtPublications,
  type DhtPublicationsOptions,
  type Now,
  type PublishOrder,
} from "./dht_publications.ts";

/** What the advertiser needs of a DHT node. */
export type PublishingNode = Pick<
  DhtNode,
  "peerId" | "sign" | "publish" | "withdraw" | "onPeer" | "joinStates"
>;

/** What the advertiser is made of. */
export interface DhtAdvertiserOptions
  extends Omit<DhtPublicationsOptions, "random"> {
  /** Through which it publishes; stays the caller's. */
  readonly node: PublishingNode;
  /** For people who look at a list of providers. */
  readonly providerName?: string;
  /** For dates and for the next refresh. */
  readonly clock: Clock;
  /** Told once that there is no peer, and once that there is one. */
  readonly logger: Logger;
}

/**
 * Of thousands of images that are published together, so many are being told to
 * others at once: a node takes 32 streams over a connection, of which each needs up
 * to four.
 */
const MAX_AT_ONCE = 8;
/** How long `publish` waits for the first node that keeps the record. */
const PUBLISH_TIMEOUT_MS = 10_000;

/**
 * Publishes a signed record per image in the DHT, whenever `DhtPublications`
 * says so.
 */
export class DhtAdvertiser implements Advertiser {
  /** For log lines. */
  readonly name = "DHT";
  readonly #options: DhtAdvertiserOptions;
  readonly #publications: DhtPublications;
  readonly #attempts = new Set<Promise<unknown>>();
  #announcing = 0;
  /** Attempts whose turn has not come, in order. */
  readonly #waiting: (() => void)[] = [];
  readonly #stopWatching: () => void;
  readonly #timer: DueTimer;

  /** Publishes nothing before it is asked to. */
  constructor(options: DhtAdvertiserOptions) {
    this.#options = options;
    this.#publications = new DhtPublications({
      ...options,
      random: Math.random,
    });
    this.#timer = new DueTimer(options.clock, () => this.#tick());
    this.#stopWatching = options.node.onPeer(() => {
      this.#publications.peerSeen(this.#now());
      this.#arm();
    });
  }

  /**
   * Publishes an image, or publishes it anew.
   *
   * @returns once the first other node keeps the record, or the reason why
   * none does yet; it is tried again
   */
  async publish(
    advertisement: Advertisement,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<Result<void>> {
    const order = this.#publications.set(advertisement, this.#now());
    const { promise, resolve } = Promise.withResolvers<Result<void>>();
    this.#attempt(order, () => resolve(ok(undefined))).then(resolve);
    whenAborted(signal).then(() => resolve(refuse("interrupted")));
    const cancel = this.#options.clock.setTimer(
      () => resolve(refuse("no DHT peer has taken the record yet")),
      PUBLISH_TIMEOUT_MS,
    );
    const result = await promise;
    cancel();
    return result;
  }

  /** Whether other nodes keep a record of the image that holds. */
  isPublished(image: ChannelArch): boolean {
    return this.#publications.isPublished(image, this.#now());
  }

  /** Stops publishing and answering. */
  async withdraw(image: ChannelArch): Promise<void> {
    if (!this.#publications.delete(image)) return;
    this.#arm();
    await this.#options.node.withdraw(bootRecordKey(image));
  }

  /** The published images, in the order they were published first. */
  status(): readonly DhtImageStatus[] {
    return this.#publications.status(this.#now());
  }

  /** Withdraws everything; the node stays open. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopWatching();
    await Promise.all(this.status().map(({ image }) => this.withdraw(image)));
    await Promise.all(this.#attempts);
  }

  #now(): Now {
    const { clock } = this.#options;
    return { monotonicMs: clock.monotonic(), wallMs: clock.now() };
  }

  /** Sets the timer for what is due next. */
  #arm(): void {
    this.#timer.set(this.#publications.nextDueMs());
  }

  #tick(): void {
    for (const order of this.#publications.tick(this.#now())) {
      void this.#attempt(order);
    }
    this.#arm();
  }

  /** @param onStored called when the first other node keeps the record */
  async #attempt(
    order: PublishOrder,
    onStored: () => void = () => {},
  ): Promise<Result<void>> {
    const { logger } = this.#options;
    const attempt = this.#announceInTurn(order, () => {
      const relief = this.#publications.stored(order, this.#now());
      onStored();
      if (relief !== undefined) logger.info(relief);
    });
    this.#attempts.add(attempt);
    const stored = await attempt;
    this.#attempts.delete(attempt);
    if (order.signal.aborted) return refuse("withdrawn, or published anew");
    const trouble = this.#publications.ended(order, stored, this.#now());
    if (trouble !== undefined) logger.warn(trouble);
    this.#arm();
    return stored.ok ? ok(undefined) : stored;
  }

  async #announceInTurn(
    order: PublishOrder,
    onStored: () => void,
  ): Promise<Result<number>> {
    if (this.#announcing < MAX_AT_ONCE) this.#announcing++;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return order.signal.aborted
        ? refuse("withdrawn, or published anew")
        : await this.#announce(order, onStored);
    } finally {
      // The turn is handed on to the next, or given back.
      const next = this.#waiting.shift();
      if (next === undefined) this.#announcing--;
      else next();
    }
  }

  /** @returns how many other nodes keep the record, at least one */
  async #announce(
    { image, url, lastUpdatedMs, version, signal }: PublishOrder,
    onStored: () => void,
  ): Promise<Result<number>> {
    const { node, providerName, ttlSeconds } = this.#options;
    try {
      const value = await signBootRecord(image, {
        url,
        peerId: node.peerId,
        ...providerName !== undefined && { providerName },
        lastUpdatedMs,
        version,
        ttlSeconds,
      }, node.sign);
      signal.throwIfAborted();
      const outcome = await node.publish(bootRecordKey(image), value, {
        ttlSeconds,
        onStored,
        signal,
      });
      return outcome.storedAt > 0
        ? ok(outcome.storedAt)
        : refuse(noHolderReason(outcome, node.joinStates()));
    } catch (error) {
      return refuse(messageOf(error));
    }
  }
}
