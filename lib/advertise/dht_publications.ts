import { type ChannelArch, formatChannelArch } from "../core/channel_arch.ts";
import type { Result } from "../core/result.ts";
import type { AnnounceOutcome } from "../net/dht/announce_outcome.ts";
import type { Advertisement } from "./advertiser.ts";
import type { DhtImageStatus } from "./dht_image_status.ts";
import {
  advance,
  newPublication,
  peerSeen,
  type Publication,
  resume,
  statusOf,
  toldOf,
  WANTED_HOLDERS,
} from "./dht_publication.ts";
import { DhtTrouble } from "./dht_trouble.ts";
import { PeerProbe, retryDelayMs } from "./peer_probe.ts";
import {
  progressOf,
  type PublishingProgress,
  RefreshLag,
  RoundTally,
} from "./publishing_progress.ts";
import type { PublishOrder } from "./publish_order.ts";
import type { ToldImage } from "./told_images.ts";
import { isClockSet, type Now, RecordDates } from "./record_dates.ts";
import { RefreshSchedule } from "./refresh_schedule.ts";

/** What decides when to publish. */
export interface DhtPublicationsOptions {
  /**
   * The manifest's URL as others can reach it. When it changes, the image is
   * published again within seconds.
   */
  readonly urlFor: (image: ChannelArch) => string;
  /** How long a record holds. */
  readonly ttlSeconds: number;
  /** How often it is published again: less than the TTL, best half of it. */
  readonly refreshSeconds: number;
  /** What others were told before a restart. @default nothing */
  readonly toldBefore?: readonly ToldImage[] | undefined;
  /** 0 to below 1. */
  readonly random: () => number;
}

/** The least time between two retries when thousands of images fail. */
const MIN_RETRY_SHARE_MS = 50;
/** While this many are being published, no other is published again. */
const MAX_AT_ONCE = 250;
/** How soon a new address of this machine, or a clock set anew, is noticed. */
const CHECK_INTERVAL_MS = 5000;

/**
 * Decides when each image is published in the DHT: at once, again before its
 * record expires, as soon as its address or the clock changes, and when peers
 * appear that could keep it too. It only decides: every call is given the time,
 * and returns what to do.
 */
export class DhtPublications {
  readonly #options: DhtPublicationsOptions;
  readonly #publications = new Map<string, Publication>();
  #running = 0;
  readonly #dates = new RecordDates();
  #lastCheckMs = 0;
  readonly #probe = new PeerProbe();
  readonly #trouble = new DhtTrouble();
  readonly #schedule: RefreshSchedule;
  readonly #rounds = new RoundTally();
  readonly #lag: RefreshLag;
  /** When the lag is checked next, on the monotonic clock. */
  #lagDueMs = 0;
  /** By name: images announced before a restart and not published since. */
  readonly #toldBefore: Map<string, ToldImage>;

  constructor(options: DhtPublicationsOptions) {
    this.#options = options;
    const { refreshSeconds, toldBefore = [], random } = options;
    this.#schedule = new RefreshSchedule(refreshSeconds * 1000, random());
    this.#lag = new RefreshLag(options);
    this.#toldBefore = new Map(
      toldBefore.map((one) => [formatChannelArch(one.image), one]),
    );
  }

  /** Publishes an image, or publishes it anew: attempts begun before are void. */
  set(advertisement: Advertisement, now: Now): PublishOrder {
    const id = formatChannelArch(advertisement.image);
    const before = this.#publications.get(id);
    before?.ending.abort();
    if (before?.isRunning) this.#running--;
    const publication = newPublication(advertisement, now);
    this.#publications.set(id, publication);
    const told = this.#toldBefore.get(id);
    this.#toldBefore.delete(id);
    return this.#resume(publication, told, now) ??
      this.#begin(publication, now);
  }

  /** Leaves until it is due what was told a while ago, and has not changed. */
  #resume(
    publication: Publication,
    told: ToldImage | undefined,
    now: Now,
  ): PublishOrder | undefined {
    const { image, version } = publication.advertisement;
    if (
      told === undefined || told.toldMs > now.wallMs ||
      told.version !== version || told.url !== this.#options.urlFor(image)
    ) return undefined;
    const monotonicMs = now.monotonicMs - (now.wallMs - told.toldMs);
    const count = this.#publications.size + this.#toldBefore.size;
    const dueMs = this.#schedule.nextMs(publication.place, count, monotonicMs);
    if (dueMs <= now.monotonicMs) return undefined;
    resume(publication, told, { monotonicMs, wallMs: told.toldMs });
    publication.dueMs = dueMs;
    return this.#order(publication, now, true);
  }

  /**
   * Stops publishing an image: attempts begun before are void.
   *
   * @returns whether it was published
   */
  delete(image: ChannelArch): boolean {
    const id = formatChannelArch(image);
    const publication = this.#publications.get(id);
    publication?.ending.abort();
    if (publication?.isRunning) this.#running--;
    return this.#publications.delete(id);
  }

  /** A peer has come: what has too few holders is published again soon. */
  peerSeen({ monotonicMs }: Now): void {
    this.#probe.met();
    for (const publication of this.#publications.values()) {
      peerSeen(publication, monotonicMs);
    }
  }

  /** What to publish now; `ended` takes the results. */
  tick(now: Now): PublishOrder[] {
    const isCheck = now.monotonicMs >= this.#lastCheckMs + CHECK_INTERVAL_MS;
    if (isCheck) this.#lastCheckMs = now.monotonicMs;
    const due: Publication[] = [];
    for (const publication of this.#publications.values()) {
      if (publication.isRunning) continue;
      if (isCheck && this.#isStale(publication, now)) {
        advance(publication, now.monotonicMs);
      }
      if (publication.dueMs <= now.monotonicMs) due.push(publication);
    }
    if (due.length === 0 && this.#probeDueMs() <= now.monotonicMs) {
      due.push(...this.#inTrouble().take(1));
    }
    return due.slice(0, this.#free()).map((one) => this.#begin(one, now));
  }

  /** Another node has said that it keeps a record. */
  stored(order: PublishOrder, now: Now): void {
    const publication = this.#current(order);
    if (publication === undefined) return;
    publication.lastStored = now;
    publication.storedAt = Math.max(publication.storedAt, 1);
    publication.toldAt = Math.max(publication.toldAt, 1);
    this.answered();
  }

  /**
   * An attempt has ended.
   *
   * @param result how many other nodes were told: they keep the record, or
   * took its provider, at least one of them
   * @returns a line for the log when trouble has begun
   */
  ended(
    order: PublishOrder,
    result: Result<Pick<AnnounceOutcome, "storedAt" | "providedAt">>,
    now: Now,
  ): string | undefined {
    const publication = this.#end(order, result.ok, now);
    if (publication === undefined) return undefined;
    if (!result.ok) {
      return this.#failed(publication, result.reason, now.monotonicMs);
    }
    publication.toldMs = publication.lastAttempt.monotonicMs;
    const { storedAt, providedAt } = result.value;
    publication.storedAt = storedAt;
    publication.toldAt = Math.max(storedAt, providedAt);
    // Most of the peers that came meanwhile came because they were told.
    if (publication.toldAt >= WANTED_HOLDERS) publication.dueMs = Infinity;
    this.#refresh(publication);
    return undefined;
  }

  /**
   * An attempt has ended in which no other node answered. From now on one image
   * is tried for all, until a node answers. The record is still renewed before
   * it expires, since this node answers for it itself.
   *
   * @returns a line for the log when trouble has begun
   */
  metNobody(
    order: PublishOrder,
    reason: string,
    now: Now,
  ): string | undefined {
    const publication = this.#end(order, false, now);
    if (publication === undefined) return undefined;
    publication.problem = reason;
    const { lastAttempt } = publication;
    advance(publication, lastAttempt.monotonicMs + this.#schedule.cycleMs);
    this.#probe.failed(now.monotonicMs, this.#options.random());
    return this.#trouble.began(reason);
  }

  /** Another node has answered: what waited for that is published at once. */
  answered(): void {
    if (!this.#probe.met()) return;
    for (const publication of this.#inTrouble()) {
      publication.attempts = 0;
      publication.dueMs = 0;
    }
  }

  /**
   * A stranger finds an image.
   *
   * @returns a line for the log when that ends the trouble
   */
  found(image: ChannelArch): string | undefined {
    const publication = this.#publications.get(formatChannelArch(image));
    if (publication === undefined) return undefined;
    this.answered();
    publication.attempts = 0;
    delete publication.problem;
    return this.#trouble.found(() =>
      this.#publications.values().every((one) => one.problem === undefined)
    );
  }

  /**
   * An image was not found from outside: it is announced again.
   *
   * @returns a line for the log when trouble has begun
   */
  missed(
    image: ChannelArch,
    reason: string,
    { monotonicMs }: Now,
  ): string | undefined {
    const publication = this.#publications.get(formatChannelArch(image));
    return publication && this.#failed(publication, reason, monotonicMs);
  }

  /**
   * Whether refreshes are done in time.
   *
   * @returns a line for the log where they are not, once an hour at most
   */
  fellBehind({ monotonicMs }: Now): string | undefined {
    if (monotonicMs < this.#lagDueMs) return undefined;
    this.#lagDueMs = monotonicMs + CHECK_INTERVAL_MS;
    return this.#lag.look(
      [...this.#publications.values()].map(({ problem, toldMs }) =>
        problem === undefined ? monotonicMs - toldMs : 0
      ),
      monotonicMs,
    );
  }

  #failed(
    publication: Publication,
    reason: string,
    monotonicMs: number,
  ): string | undefined {
    publication.problem = reason;
    const retryMs = retryDelayMs(
      publication.attempts++,
      this.#options.random(),
      this.#publications.size * MIN_RETRY_SHARE_MS,
    );
    if (!this.#probe.isAlone) advance(publication, monotonicMs + retryMs);
    return this.#trouble.began(reason);
  }

  #refresh(publication: Publication): void {
    const { place, lastAttempt: { monotonicMs } } = publication;
    const count = this.#publications.size;
    advance(publication, this.#schedule.nextMs(place, count, monotonicMs));
  }

  #inTrouble(): IteratorObject<Publication> {
    return this.#publications.values()
      .filter(({ problem, isRunning }) => problem !== undefined && !isRunning);
  }

  /** When one image is tried for all, if no node has answered so far. */
  #probeDueMs(): number {
    return this.#running > 0 ? Infinity : this.#probe.dueMs;
  }

  /** When `tick` has something to look at, on the monotonic clock. */
  nextDueMs(): number {
    if (this.#running === this.#publications.size || this.#free() === 0) {
      return Infinity;
    }
    // There may be thousands: no list of them is made.
    let nextMs = Math.min(
      this.#lastCheckMs + CHECK_INTERVAL_MS,
      this.#probeDueMs(),
    );
    for (const { isRunning, dueMs } of this.#publications.values()) {
      if (!isRunning && dueMs < nextMs) nextMs = dueMs;
    }
    return nextMs;
  }

  /** The images, in the order they were published first. */
  status(now: Now): DhtImageStatus[] {
    const probeDueMs = this.#probe.dueMs;
    return [...this.#publications.values()]
      .map((one) => statusOf(one, probeDueMs, now));
  }

  /** How it is getting on, over all of them. */
  progress({ monotonicMs }: Now): PublishingProgress {
    const all = [...this.#publications.values()];
    return progressOf(all, this.#rounds.last, monotonicMs);
  }

  #begin(publication: Publication, now: Now): PublishOrder {
    const { image } = publication.advertisement;
    publication.lastDueMs = Math.min(publication.dueMs, now.monotonicMs);
    publication.dueMs = Infinity;
    publication.isRunning = true;
    this.#running++;
    publication.lastAttempt = now;
    publication.url = this.#options.urlFor(image);
    return this.#order(publication, now, false);
  }

  #order(
    { advertisement: { image, version }, url, ending }: Publication,
    now: Now,
    isTold: boolean,
  ): PublishOrder {
    const lastUpdatedMs = this.#dates.next(now);
    return {
      image,
      version,
      url,
      lastUpdatedMs,
      isTold,
      signal: ending.signal,
    };
  }

  /** What others were told; for the next start. */
  told(now: Now): ToldImage[] {
    return [...this.#publications.values()].flatMap((one) => toldOf(one, now));
  }

  /** The publication whose attempt is over, unless the order is void. */
  #end(
    order: PublishOrder,
    isTold: boolean,
    now: Now,
  ): Publication | undefined {
    const publication = this.#current(order);
    if (publication === undefined) return undefined;
    const round = this.#schedule.roundAt(now.monotonicMs);
    this.#rounds.ended(round, isTold, now);
    publication.isRunning = false;
    this.#running--;
    return publication;
  }

  /** The publication that an order is of, unless the order is void. */
  #current({ image, signal }: PublishOrder): Publication | undefined {
    return signal.aborted
      ? undefined
      : this.#publications.get(formatChannelArch(image));
  }

  /** How many more may be published again. */
  #free(): number {
    return Math.max(0, MAX_AT_ONCE - this.#running);
  }

  /**
   * Whether others are told an address that is no longer ours, or a date by a
   * clock that was set anew since.
   */
  #isStale({ advertisement, url, lastAttempt }: Publication, now: Now) {
    return isClockSet(lastAttempt, now) ||
      url !== this.#options.urlFor(advertisement.image);
  }
}
