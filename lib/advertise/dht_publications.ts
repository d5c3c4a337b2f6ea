import { type ChannelArch, formatChannelArch } from "../core/channel_arch.ts";
import type { Result } from "../core/result.ts";
import type { AnnounceOutcome } from "../net/dht/announce_outcome.ts";
import type { Advertisement } from "./advertiser.ts";
import { PeerProbe, retryDelayMs } from "./peer_probe.ts";
import { isClockSet, type Now, RecordDates } from "./record_dates.ts";

/** A record to be signed and told to other nodes now. */
export interface PublishOrder {
  /** Which image it is of. */
  readonly image: ChannelArch;
  /** The manifest's `version`. */
  readonly version: string;
  /** The manifest's URL as others can reach it. */
  readonly url: string;
  /** What the record is dated: later than every one before. */
  readonly lastUpdatedMs: number;
  /** Aborts when the image is published anew, or no more: the order is void. */
  readonly signal: AbortSignal;
}

/** How one image stands in the DHT. */
export interface DhtImageStatus {
  /** Which image it is. */
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

/** What decides when to publish. */
export interface DhtPublicationsOptions {
  /**
   * The manifest's URL as others can reach it. When it comes to be another,
   * the image is published again within seconds.
   */
  readonly urlFor: (image: ChannelArch) => string;
  /** How long a record holds. */
  readonly ttlSeconds: number;
  /** How often it is published again: less than the TTL, best half of it. */
  readonly refreshSeconds: number;
  /** 0 to below 1. */
  readonly random: () => number;
}

/** After trouble, new peers do not make an image be published more often. */
const MIN_RETRY_MS = 1000;
/** Of thousands that fail, so many milliseconds lie between two attempts. */
const MIN_RETRY_SHARE_MS = 50;
/** A new peer is given time to be looked up by others. */
const NEW_PEER_DELAY_MS = 500;
/** Kademlia's k: with fewer holders, every new peer becomes one. */
const WANTED_HOLDERS = 20;
/** New peers do not make an image be published more often than this. */
const MIN_INTERVAL_MS = 5000;
/** While so many are being published, none is published again. */
const MAX_AT_ONCE = 4;
/** How soon a new address of this machine, or a clock set anew, is noticed. */
const CHECK_INTERVAL_MS = 5000;

interface Publication {
  readonly advertisement: Advertisement;
  /** Aborts with it. */
  readonly ending: AbortController;
  /** When it is to be published again, on the monotonic clock. */
  dueMs: number;
  isRunning: boolean;
  /** What the last record says. */
  url: string;
  /** Failed ones, one after the other. */
  attempts: number;
  lastAttempt: Now;
  /** When another node last said that it keeps the record. */
  lastStored?: Now;
  storedAt: number;
  /** Nodes that keep it, or were told of the provider and do not answer. */
  toldAt: number;
  problem?: string;
}

/**
 * Decides when each image is published in the DHT: at once, again before its
 * record expires, as soon as its address or the clock changes, and when peers
 * appear that could keep it too. Does nothing by itself: every call is told
 * the time, and answers with what is to be done.
 */
export class DhtPublications {
  readonly #options: DhtPublicationsOptions;
  readonly #publications = new Map<string, Publication>();
  #running = 0;
  readonly #dates = new RecordDates();
  #lastCheckMs = 0;
  readonly #probe = new PeerProbe();
  #hasWarned = false;
  #hasBeenFound = false;

  /** Nothing is published before `set`. */
  constructor(options: DhtPublicationsOptions) {
    this.#options = options;
  }

  /** Publishes an image, or publishes it anew: attempts begun before are void. */
  set(advertisement: Advertisement, now: Now): PublishOrder {
    const id = formatChannelArch(advertisement.image);
    const before = this.#publications.get(id);
    before?.ending.abort();
    if (before?.isRunning) this.#running--;
    const publication: Publication = {
      advertisement,
      ending: new AbortController(),
      dueMs: Infinity,
      isRunning: false,
      url: "",
      attempts: 0,
      lastAttempt: now,
      storedAt: 0,
      toldAt: 0,
    };
    this.#publications.set(id, publication);
    return this.#begin(publication, now);
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
      const { toldAt, problem, lastAttempt } = publication;
      const isInTrouble = toldAt === 0 || problem !== undefined;
      if (!isInTrouble && toldAt >= WANTED_HOLDERS) continue;
      publication.attempts = 0;
      const gapMs = isInTrouble ? MIN_RETRY_MS : MIN_INTERVAL_MS;
      advance(
        publication,
        Math.max(
          monotonicMs + NEW_PEER_DELAY_MS,
          lastAttempt.monotonicMs + gapMs,
        ),
      );
    }
  }

  /** What is to be published now, for `ended` to be told of. */
  tick(now: Now): PublishOrder[] {
    const isCheck = now.monotonicMs >= this.#lastCheckMs + CHECK_INTERVAL_MS;
    if (isCheck) this.#lastCheckMs = now.monotonicMs;
    const due: Publication[] = [];
    for (const publication of this.#publications.values()) {
      if (publication.isRunning) continue;
      if (isCheck && this.#isStale(publication, now)) publication.dueMs = 0;
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
   * An attempt is over.
   *
   * @param result how many other nodes were told: they keep the record, or
   * took its provider, at least one of them
   * @returns a line for the log when trouble has begun
   */
  ended(
    order: PublishOrder,
    result: Result<Pick<AnnounceOutcome, "storedAt" | "providedAt">>,
    { monotonicMs }: Now,
  ): string | undefined {
    const publication = this.#end(order);
    if (publication === undefined) return undefined;
    if (!result.ok) {
      return this.#trouble(publication, result.reason, monotonicMs);
    }
    const { storedAt, providedAt } = result.value;
    publication.storedAt = storedAt;
    publication.toldAt = Math.max(storedAt, providedAt);
    // Of the peers that came meanwhile most came by being told.
    if (publication.toldAt >= WANTED_HOLDERS) publication.dueMs = Infinity;
    this.#refresh(publication, monotonicMs);
    return undefined;
  }

  /**
   * An attempt is over, for which no other node answered: from now on one image
   * is tried again, and all are when that meets somebody. The record is renewed
   * all the same before it expires, since this node answers for it itself.
   *
   * @returns a line for the log when trouble has begun
   */
  metNobody(
    order: PublishOrder,
    reason: string,
    { monotonicMs }: Now,
  ): string | undefined {
    const publication = this.#end(order);
    if (publication === undefined) return undefined;
    publication.problem = reason;
    this.#refresh(publication, monotonicMs);
    this.#probe.failed(monotonicMs, this.#options.random());
    return this.#warning(reason);
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
    this.#hasBeenFound = true;
    this.answered();
    publication.attempts = 0;
    delete publication.problem;
    if (!this.#hasWarned) return undefined;
    for (const { problem } of this.#publications.values()) {
      if (problem !== undefined) return undefined;
    }
    this.#hasWarned = false;
    return "The DHT has peers now, images are in it";
  }

  /**
   * A stranger does not find an image: it is told again.
   *
   * @returns a line for the log when trouble has begun
   */
  missed(
    image: ChannelArch,
    reason: string,
    { monotonicMs }: Now,
  ): string | undefined {
    const publication = this.#publications.get(formatChannelArch(image));
    return publication && this.#trouble(publication, reason, monotonicMs);
  }

  #trouble(
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
    return this.#warning(reason);
  }

  #warning(reason: string): string | undefined {
    if (this.#hasWarned) return undefined;
    this.#hasWarned = true;
    return `Images cannot be found over the DHT ${
      this.#hasBeenFound ? "any more" : "yet"
    } (${reason}): trying again until it works`;
  }

  /** Spread, so that providers started together do not stay together. */
  #refresh(publication: Publication, monotonicMs: number): void {
    const { refreshSeconds, random } = this.#options;
    const inMs = refreshSeconds * 1000 * (0.9 + random() / 10);
    advance(publication, monotonicMs + inMs);
  }

  #inTrouble(): IteratorObject<Publication> {
    return this.#publications.values()
      .filter(({ problem, isRunning }) => problem !== undefined && !isRunning);
  }

  /** When one image is tried for all, since nobody was met before. */
  #probeDueMs(): number {
    return this.#running > 0 ? Infinity : this.#probe.dueMs;
  }

  /** When `tick` has something to look at, on the monotonic clock. */
  nextDueMs(): number {
    if (this.#running === this.#publications.size || this.#free() === 0) {
      return Infinity;
    }
    // Of thousands: without a list of them.
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
  status({ monotonicMs, wallMs }: Now): DhtImageStatus[] {
    const probeDueMs = this.#probe.dueMs;
    return [...this.#publications.values()].map((
      { advertisement, lastStored, storedAt, isRunning, dueMs, problem },
    ) => ({
      image: advertisement.image,
      ...lastStored !== undefined && { lastPublishedMs: lastStored.wallMs },
      storedAt,
      ...!isRunning && {
        nextRefreshMs: wallMs - monotonicMs +
          Math.min(dueMs, problem === undefined ? Infinity : probeDueMs),
      },
      ...problem !== undefined && { problem },
    }));
  }

  #begin(publication: Publication, now: Now): PublishOrder {
    const { advertisement: { image, version }, ending } = publication;
    publication.dueMs = Infinity;
    publication.isRunning = true;
    this.#running++;
    publication.lastAttempt = now;
    publication.url = this.#options.urlFor(image);
    return {
      image,
      version,
      url: publication.url,
      lastUpdatedMs: this.#dates.next(now),
      signal: ending.signal,
    };
  }

  /** The publication whose attempt is over, unless the order is void. */
  #end(order: PublishOrder): Publication | undefined {
    const publication = this.#current(order);
    if (publication === undefined) return undefined;
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

/** Has a publication due by then at the latest. */
function advance(publication: Publication, dueMs: number): void {
  publication.dueMs = Math.min(publication.dueMs, dueMs);
}
