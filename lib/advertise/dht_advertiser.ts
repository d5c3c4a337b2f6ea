import { whenAborted } from "../core/abort.ts";
import { type ChannelArch, formatChannelArch } from "../core/channel_arch.ts";
import type { Clock } from "../core/clock.ts";
import { DueTimer } from "../core/due_timer.ts";
import type { Logger } from "../core/log.ts";
import { messageOf } from "../core/printable.ts";
import { ok, refuse, type Result } from "../core/result.ts";
import type { AnnounceOutcome } from "../net/dht/announce_outcome.ts";
import { noHolderReason } from "../net/dht/no_holder_reason.ts";
import type { DhtNode } from "../net/dht/node.ts";
import type { PeerConnection, PublishEntry } from "../net/dht/node_options.ts";
import { missedReason, type OutsideLook } from "../net/dht/outside_look.ts";
import {
  bootRecordKey,
  clockProblem,
  readBootRecord,
  signBootRecord,
} from "../wire/boot_record.ts";
import { AnnounceQueue } from "./announce_queue.ts";
import type { Advertisement, Advertiser } from "./advertiser.ts";
import type { DhtImageStatus } from "./dht_image_status.ts";
import {
  DhtPublications,
  type DhtPublicationsOptions,
} from "./dht_publications.ts";
import type { PublishOrder } from "./publish_order.ts";
import type { PublishingProgress } from "./publishing_progress.ts";
import type { Now } from "./record_dates.ts";
import { DhtSightings, type LookOrder } from "./dht_sightings.ts";
import type { ToldImage } from "./told_images.ts";

/** What the advertiser needs of a DHT node. */
export type PublishingNode = Pick<
  DhtNode,
  | "peerId"
  | "sign"
  | "publish"
  | "publishAll"
  | "provide"
  | "withdraw"
  | "lookFromOutside"
  | "isReachable"
  | "onPeer"
  | "onPeerLost"
  | "joinStates"
>;

/** What the advertiser is made of. */
export interface DhtAdvertiserOptions
  extends Omit<DhtPublicationsOptions, "random"> {
  /** The node to publish through; it stays the caller's. */
  readonly node: PublishingNode;
  /**
   * The manifest's URL as others can reach it.
   *
   * @param reader who asks this machine itself: best by the same IP family
   */
  readonly urlFor: (image: ChannelArch, reader?: PeerConnection) => string;
  /**
   * Whether it is the public DHT of IPFS, where nodes are only told which peer
   * has an image, and the record is read from this node.
   */
  readonly isAmino?: boolean;
  /** For people reading a list of providers. */
  readonly providerName?: string;
  /** For dates and refreshes. */
  readonly clock: Clock;
  /** Told once that there is no peer, and once that there is one. */
  readonly logger: Logger;
}

/** How long `publish` waits until a stranger finds the image. */
const PUBLISH_TIMEOUT_MS = 10_000;

/**
 * Publishes a signed record per image in the DHT, whenever `DhtPublications`
 * says so, and looks whether a stranger finds it, whenever `DhtSightings` does.
 */
export class DhtAdvertiser implements Advertiser {
  /** The name in log lines. */
  readonly name = "DHT";
  readonly #options: DhtAdvertiserOptions;
  readonly #publications: DhtPublications;
  readonly #sightings = new DhtSightings();
  /** Called when an image was found, or was not, by name. */
  readonly #sighted = new Map<string, (result: Result<void>) => void>();
  readonly #attempts = new Set<Promise<unknown>>();
  #arming: Promise<void> | undefined;
  /** Why no node keeps what was told last; undefined: some do. */
  #whyRefused: string | undefined;
  #hasWarnedOfRefusals = false;
  /** Whether other nodes do, as far as a look-up has shown. */
  #doOthersTellTime: boolean | undefined;
  readonly #queue: AnnounceQueue;
  readonly #stopWatching: readonly (() => void)[];
  readonly #timer: DueTimer;

  constructor(options: DhtAdvertiserOptions) {
    this.#options = options;
    this.#publications = new DhtPublications({
      ...options,
      random: Math.random,
    });
    this.#queue = new AnnounceQueue(options.node, options.ttlSeconds);
    this.#timer = new DueTimer(options.clock, () => this.#tick());
    this.#stopWatching = [
      options.node.onPeer(() => {
        this.#publications.peerSeen(this.#now());
        this.#arm();
      }),
      options.node.onPeerLost(() => {
        this.#sightings.peerLost(options.clock.monotonic());
        this.#arm();
      }),
    ];
  }

  /**
   * Publishes an image, or publishes it anew.
   *
   * @returns once a stranger finds it, or the reason why none does yet; it is
   * tried again
   */
  async publish(
    advertisement: Advertisement,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<Result<void>> {
    const order = this.#publications.set(advertisement, this.#now());
    const name = formatChannelArch(advertisement.image);
    const { promise, resolve } = Promise.withResolvers<Result<void>>();
    this.#sighted.get(name)?.(refuse("published anew"));
    this.#sighted.set(name, resolve);
    const begun = order.isTold ? this.#answerFor(order) : this.#attempt(order);
    begun.then((told) => told.ok || resolve(told));
    whenAborted(signal).then(() => resolve(refuse("interrupted")));
    const cancel = this.#options.clock.setTimer(
      () => resolve(refuse("no DHT peer has taken the record yet")),
      PUBLISH_TIMEOUT_MS,
    );
    const result = await promise;
    cancel();
    if (this.#sighted.get(name) === resolve) this.#sighted.delete(name);
    // Found, but the record leads to an address that others cannot reach.
    return result.ok && this.#options.node.isReachable() === false
      ? refuse("other DHT nodes cannot connect to this machine")
      : result;
  }

  /**
   * Whether a recent look-up from outside found it, and no other node reports
   * that this machine cannot be reached.
   */
  isPublished(image: ChannelArch): boolean {
    return this.#isFound(image) && this.#options.node.isReachable() !== false;
  }

  #isFound(image: ChannelArch): boolean {
    return this.#sightings.isFound(image, this.#options.clock.monotonic());
  }

  /** Stops publishing and answering. */
  async withdraw(image: ChannelArch): Promise<void> {
    if (!this.#publications.delete(image)) return;
    this.#sightings.delete(image);
    this.#sighted.get(formatChannelArch(image))?.(refuse("withdrawn"));
    this.#arm();
    await this.#options.node.withdraw(bootRecordKey(image));
  }

  /** The published images, in the order they were published first. */
  status(): readonly DhtImageStatus[] {
    return this.#publications.status(this.#now());
  }

  /** How publishing is getting on, over all images. */
  progress(): PublishingProgress {
    return this.#publications.progress(this.#now());
  }

  /** What other nodes were told, for the next start. */
  told(): readonly ToldImage[] {
    return this.#publications.told(this.#now());
  }

  /** Withdraws everything; the node stays open. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const stop of this.#stopWatching) stop();
    await Promise.all(this.status().map(({ image }) => this.withdraw(image)));
    await Promise.all(this.#attempts);
  }

  #now(): Now {
    const { clock } = this.#options;
    return { monotonicMs: clock.monotonic(), wallMs: clock.now() };
  }

  /**
   * Sets the timer for what is due next, once for all that happens in a moment:
   * to find it, all images are gone through.
   */
  #arm(): void {
    this.#arming ??= Promise.resolve().then(() => {
      this.#arming = undefined;
      this.#timer.set(
        Math.min(this.#publications.nextDueMs(), this.#sightings.nextDueMs()),
      );
    });
  }

  #tick(): void {
    const now = this.#now();
    for (const order of this.#publications.tick(now)) void this.#attempt(order);
    this.#warn(this.#publications.fellBehind(now));
    for (const order of this.#sightings.tick(now.monotonicMs)) {
      this.#keep(this.#look(order));
    }
    this.#arm();
  }

  /** Awaited before the advertiser is gone. */
  async #keep<T>(attempt: Promise<T>): Promise<T> {
    this.#attempts.add(attempt);
    const result = await attempt;
    this.#attempts.delete(attempt);
    return result;
  }

  async #attempt(order: PublishOrder): Promise<Result<void>> {
    const { image, signal } = order;
    let isFirst = true;
    const attempt = await this.#keep(
      this.#queue.announce(() =>
        this.#entry(order, () => {
          this.#publications.stored(order, this.#now());
          // Once: a look goes through all images to see what is due.
          if (isFirst) this.#lookUnlessFound(image);
          isFirst = false;
        }), order),
    );
    if (signal.aborted) return refuse("withdrawn, or published anew");
    const told = attempt.ok ? this.#whetherTold(attempt.value) : attempt;
    const now = this.#now();
    if (attempt.ok && !told.ok && attempt.value.reached === 0) {
      this.#warn(this.#publications.metNobody(order, told.reason, now));
    } else {
      if (attempt.ok) this.#publications.answered();
      this.#warn(this.#publications.ended(order, told, now));
    }
    if (told.ok) {
      const { storedAt, reached, failures } = told.value;
      const areRefused = storedAt === 0 && reached > 0;
      this.#whyRefused = areRefused
        ? failures.slice(0, 3).join(", ")
        : undefined;
      this.#warnOfRefusals();
      this.#lookUnlessFound(image);
    }
    this.#arm();
    return told.ok ? ok(undefined) : told;
  }

  /**
   * Nodes of other networks take providers alone; so do those for which our
   * clock is wrong, and then clients refuse what they read of us as well.
   */
  #warnOfRefusals(): void {
    if (this.#whyRefused === undefined) this.#hasWarnedOfRefusals = false;
    else if (this.#doOthersTellTime === false && !this.#hasWarnedOfRefusals) {
      this.#hasWarnedOfRefusals = true;
      this.#warn(
        `DHT nodes keep our provider records, but not our boot records (${this.#whyRefused}), and none reports its time: ` +
          "they belong to another network, or this machine's clock is wrong, in which case clients refuse the records, too",
      );
    }
  }

  /** Judges the result of a look-up from outside. */
  #judge(look: OutsideLook): OutsideLook {
    if (look.kind !== "found") return look;
    const { clockLeadMs } = look;
    const { isAmino = false, ttlSeconds, refreshSeconds } = this.#options;
    this.#doOthersTellTime = clockLeadMs !== undefined;
    this.#warnOfRefusals();
    const reason = clockLeadMs === undefined
      ? undefined
      : clockProblem(clockLeadMs, {
        ttlSeconds,
        // There a record is dated when it is read.
        refreshSeconds: isAmino ? 0 : refreshSeconds,
      });
    return reason === undefined ? look : { kind: "refused", reason };
  }

  /** An image that was found already is looked up when its time comes. */
  #lookUnlessFound(image: ChannelArch): void {
    if (this.#isFound(image)) {
      this.#sighted.get(formatChannelArch(image))?.(ok(undefined));
      return;
    }
    this.#sightings.told(image, this.#options.clock.monotonic());
    this.#tick();
  }

  async #look(order: LookOrder): Promise<void> {
    const { node } = this.#options;
    const { image, signal } = order;
    const look = this.#judge(
      await node.lookFromOutside(bootRecordKey(image), {
        isOwn(value) {
          const record = readBootRecord(value);
          return record.ok && record.value.peerId === node.peerId;
        },
        signal,
      }),
    );
    const now = this.#now();
    const isFound = this.#sightings.looked(order, look, now.monotonicMs);
    const tell = this.#sighted.get(formatChannelArch(image));
    if (isFound) {
      const relief = this.#publications.found(image);
      if (relief !== undefined) this.#options.logger.info(relief);
      tell?.(ok(undefined));
    } else if (isFound === false && look.kind !== "found") {
      const reason = missedReason(look);
      this.#warn(this.#publications.missed(image, reason, now));
      tell?.(refuse(reason));
    }
    this.#arm();
  }

  #warn(trouble: string | undefined): void {
    if (trouble !== undefined) this.#options.logger.warn(trouble);
  }

  /** Nodes of other networks take providers, and no values of ours. */
  #whetherTold(outcome: AnnounceOutcome): Result<AnnounceOutcome> {
    const { storedAt, providedAt } = outcome;
    return storedAt + providedAt > 0
      // In the public DHT nodes keep nothing else.
      ? ok(
        this.#options.isAmino ? { ...outcome, storedAt: providedAt } : outcome,
      )
      : refuse(noHolderReason(outcome, this.#options.node.joinStates()));
  }

  /**
   * What was announced before a restart is not announced again, only looked up.
   */
  async #answerFor(order: PublishOrder): Promise<Result<void>> {
    try {
      this.#options.node.provide(await this.#entry(order, () => {}));
    } catch (error) {
      return refuse(messageOf(error));
    }
    if (order.signal.aborted) return refuse("withdrawn, or published anew");
    this.#lookUnlessFound(order.image);
    return ok(undefined);
  }

  /** What is published of an image. */
  async #entry(
    { image, url, lastUpdatedMs, version }: PublishOrder,
    onStored: () => void,
  ): Promise<PublishEntry> {
    const { node, providerName, ttlSeconds, urlFor } = this.#options;
    const { clock, isAmino = false } = this.#options;
    const sign = (url: string, lastUpdatedMs: number) =>
      signBootRecord(image, {
        url,
        peerId: node.peerId,
        ...providerName !== undefined && { providerName },
        lastUpdatedMs,
        version,
        ttlSeconds,
      }, node.sign);
    const value = await sign(url, lastUpdatedMs);
    return {
      key: bootRecordKey(image),
      value,
      // A record has one URL, and its reader may have the other family only.
      async valueFor(reader) {
        const theirs = urlFor(image, reader);
        // Told once a day, a record would have expired long before.
        if (isAmino) return await sign(theirs, clock.now());
        return theirs === url ? value : await sign(theirs, lastUpdatedMs);
      },
      onStored,
    };
  }
}
