import { type ChannelArch, formatChannelArch } from "../core/channel_arch.ts";
import type { OutsideLook } from "../net/dht/outside_look.ts";

/** An image to be looked up as a stranger does it, now. */
export interface LookOrder {
  /** Which image. */
  readonly image: ChannelArch;
  /** Aborts when it is looked for no more. */
  readonly signal: AbortSignal;
}

/** How often an image that was found is looked for again. */
const INTERVAL_MS = 180_000;
/**
 * Of many that are found, so many milliseconds lie between two look-ups: each
 * takes about ten requests, and 20 a minute are as many for 60 images as for
 * thousands.
 */
const FOUND_SHARE_MS = 3000;
/** Of many that are missed, so many: they are to be found soon. */
const MISSED_SHARE_MS = 500;
/** A record that was just told may not have spread, or a node just left. */
const SECOND_LOOK_MS = 1000;
/** How soon what was missed twice is looked for, unless it is told anew. */
const RETRY_MS = 60_000;
/** An image that was missed so often in a row cannot be found. */
const MISSES = 2;
/** Look-ups at once. */
const MAX_AT_ONCE = 4;
/** Nodes that come and go cause no more than one look-up in so long. */
const LOSS_GAP_MS = 10_000;

/** Its multiples lie evenly between whole numbers. */
const GOLDEN_RATIO = (Math.sqrt(5) - 1) / 2;

interface Sighting {
  readonly image: ChannelArch;
  /** Aborts with it. */
  readonly ending: AbortController;
  /** When it is looked for, on the monotonic clock. */
  dueMs: number;
  isLooking: boolean;
  misses: number;
  /** When it was last found, unless it is missed now. */
  foundMs?: number;
}

/**
 * Knows which images a stranger finds in the DHT, and decides when each is
 * looked for. That others said they keep a record is not enough: they may
 * forget it, leave, or be met by nobody who searches. Does nothing by itself:
 * every call is told the time, on the monotonic clock.
 */
export class DhtSightings {
  readonly #sightings = new Map<string, Sighting>();
  #looking = 0;
  /** Of an interval, 0 to below 1. */
  #spread = 0;
  /** When the last look-up for such a loss was or is due. */
  #lossLookMs = -Infinity;

  /** An image was told to other nodes: it is looked for now. */
  told(image: ChannelArch, nowMs: number): void {
    const id = formatChannelArch(image);
    const known = this.#sightings.get(id);
    if (known !== undefined) {
      known.dueMs = nowMs;
      return;
    }
    this.#sightings.set(id, {
      image,
      ending: new AbortController(),
      dueMs: nowMs,
      isLooking: false,
      misses: 0,
    });
  }

  /** It is looked for no more. */
  delete(image: ChannelArch): void {
    const id = formatChannelArch(image);
    const sighting = this.#sightings.get(id);
    if (sighting?.isLooking) this.#looking--;
    sighting?.ending.abort();
    this.#sightings.delete(id);
  }

  /** A node has gone, perhaps the last: one image is looked for soon. */
  peerLost(nowMs: number): void {
    if (nowMs <= this.#lossLookMs) return; // that one will show it, too
    const [first] = this.#sightings.values();
    if (first === undefined) return;
    this.#lossLookMs = Math.max(
      nowMs + SECOND_LOOK_MS,
      this.#lossLookMs + LOSS_GAP_MS,
    );
    dueBy(first, this.#lossLookMs);
  }

  /** What is to be looked for now, for `looked` to be told of. */
  tick(nowMs: number): LookOrder[] {
    const orders: LookOrder[] = [];
    for (const sighting of this.#sightings.values()) {
      if (this.#looking >= MAX_AT_ONCE) break;
      if (sighting.isLooking || sighting.dueMs > nowMs) continue;
      sighting.isLooking = true;
      sighting.dueMs = Infinity;
      this.#looking++;
      orders.push({ image: sighting.image, signal: sighting.ending.signal });
    }
    return orders;
  }

  /**
   * A look-up is over.
   *
   * @returns whether the image can be found; undefined where that is not sure
   * yet, or does not matter any more
   */
  looked(
    { image, signal }: LookOrder,
    { kind }: OutsideLook,
    nowMs: number,
  ): boolean | undefined {
    const sighting = this.#sightings.get(formatChannelArch(image));
    if (sighting === undefined || signal.aborted) return undefined;
    sighting.isLooking = false;
    this.#looking--;
    if (kind === "found") {
      const isFirst = sighting.foundMs === undefined;
      sighting.misses = 0;
      sighting.foundMs = nowMs;
      dueBy(
        sighting,
        nowMs + (isFirst ? this.#spreadMs() : this.#intervalMs()),
      );
      return true;
    }
    const isMissed = ++sighting.misses >= MISSES;
    const spreadMs = this.#sightings.size * MISSED_SHARE_MS;
    const retryMs = isMissed ? Math.max(RETRY_MS, spreadMs) : SECOND_LOOK_MS;
    dueBy(sighting, nowMs + retryMs);
    if (!isMissed) return undefined;
    const wasFound = sighting.foundMs !== undefined;
    delete sighting.foundMs;
    if (kind === "unanswered" && wasFound) this.#allMissed(nowMs);
    return false;
  }

  /** Whether a stranger finds an image, as far as it was looked for lately. */
  isFound(image: ChannelArch, nowMs: number): boolean {
    const foundMs = this.#sightings.get(formatChannelArch(image))?.foundMs;
    return foundMs !== undefined && nowMs < foundMs + 3 * this.#intervalMs();
  }

  /** When `tick` has something to do; `Infinity`: not before another call. */
  nextDueMs(): number {
    let nextMs = Infinity;
    if (this.#looking >= MAX_AT_ONCE) return nextMs;
    for (const { isLooking, dueMs } of this.#sightings.values()) {
      if (!isLooking && dueMs < nextMs) nextMs = dueMs;
    }
    return nextMs;
  }

  #intervalMs(): number {
    return Math.max(INTERVAL_MS, this.#sightings.size * FOUND_SHARE_MS);
  }

  /** So that images that are found together are not looked for together again. */
  #spreadMs(): number {
    const intervalMs = this.#intervalMs();
    if (intervalMs === INTERVAL_MS) return intervalMs;
    this.#spread = (this.#spread + GOLDEN_RATIO) % 1;
    return this.#spread * intervalMs;
  }

  /** Where nobody answers, no image is found: each is looked for soon. */
  #allMissed(nowMs: number): void {
    let dueMs = nowMs;
    for (const sighting of this.#sightings.values()) {
      if (sighting.foundMs === undefined) continue;
      delete sighting.foundMs;
      dueBy(sighting, dueMs += MISSED_SHARE_MS);
    }
  }
}

/** Unless it was told again meanwhile, and is due before. */
function dueBy(sighting: Sighting, dueMs: number): void {
  sighting.dueMs = Math.min(sighting.dueMs, dueMs);
}
