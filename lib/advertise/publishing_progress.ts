import type { Publication } from "./dht_publication.ts";
import type { Now } from "./record_dates.ts";

/** A round of refreshes: each image is published once in it. */
export interface PublishingRound {
  /** When its first image was published, milliseconds since 1970. */
  readonly beganMs: number;
  /** Images that were published. */
  readonly told: number;
  /** Attempts that reached no node that would keep the record. */
  readonly failed: number;
}

/** How publishing in the DHT is getting on, over all images. */
export interface PublishingProgress {
  /** Images that are being published, or waiting to be. */
  readonly waiting: number;
  /** How long the first of them has been waiting, in milliseconds. */
  readonly lagMs: number;
  /** How many other nodes were told of an image, on average. */
  readonly meanHolders: number;
  /** The round before this one, where there was one. */
  readonly lastRound?: PublishingRound;
}

/** The progress of all images at one moment. */
export function progressOf(
  all: readonly Publication[],
  lastRound: PublishingRound | undefined,
  nowMs: number,
): PublishingProgress {
  const waiting = all.filter(({ isRunning, dueMs }) =>
    isRunning || dueMs <= nowMs
  );
  const lagsMs = waiting.filter(({ problem }) => problem === undefined)
    .map(({ isRunning, dueMs, lastDueMs }) =>
      nowMs - (isRunning ? lastDueMs : dueMs)
    );
  const holders = all.reduce((sum, { toldAt }) => sum + toldAt, 0);
  return {
    waiting: waiting.length,
    lagMs: lagsMs.reduce((a, b) => Math.max(a, b), 0),
    meanHolders: holders / Math.max(1, all.length),
    ...lastRound !== undefined && { lastRound },
  };
}

/** Counts what came of attempts, round by round. */
export class RoundTally {
  #number = 0;
  #round: PublishingRound | undefined;
  #last: PublishingRound | undefined;

  /** The previous round, if anything was published in it. */
  get last(): PublishingRound | undefined {
    return this.#last;
  }

  /**
   * Counts an attempt.
   *
   * @param number of the round
   */
  ended(number: number, isTold: boolean, { wallMs }: Now): void {
    if (number !== this.#number) {
      this.#last = this.#round;
      this.#round = undefined;
      this.#number = number;
    }
    const { beganMs = wallMs, told = 0, failed = 0 } = this.#round ?? {};
    this.#round = {
      beganMs,
      told: told + Number(isTold),
      failed: failed + Number(!isTold),
    };
  }
}

/** What is late in one round is in the next. */
const WARNING_GAP_MS = 3600_000;

/** Says when refreshes cannot be done within the interval. */
export class RefreshLag {
  readonly #intervalMs: number;
  readonly #ttlMs: number;
  #warnedMs = -Infinity;

  constructor(
    { refreshSeconds, ttlSeconds }: {
      readonly refreshSeconds: number;
      readonly ttlSeconds: number;
    },
  ) {
    this.#intervalMs = refreshSeconds * 1000;
    this.#ttlMs = ttlSeconds * 1000;
  }

  /**
   * Checks whether images were last published too long ago.
   *
   * @param agesMs how long ago each was published
   * @param nowMs monotonic
   * @returns a line for the log where they were, once an hour at most
   */
  look(agesMs: readonly number[], nowMs: number): string | undefined {
    const late = agesMs.filter((age) => age > this.#intervalMs);
    if (late.length === 0 || nowMs < this.#warnedMs + WARNING_GAP_MS) {
      return undefined;
    }
    this.#warnedMs = nowMs;
    const longest = late.reduce((a, b) => Math.max(a, b));
    const seconds = (ms: number) => Math.round(ms / 1000);
    return `Publishing in the DHT falls behind: ${late.length} of ${agesMs.length} images were last published more than refresh_interval, ${
      seconds(this.#intervalMs)
    } s, ago, one ${seconds(longest)} s: others forget a record after ${
      seconds(this.#ttlMs)
    } s; raise refresh_interval and record_ttl, or offer fewer images here`;
  }
}
