import { type ChannelArch, formatChannelArch } from "../core/channel_arch.ts";
import type { OutsideLook } from "../net/dht/outside_look.ts";

/** An image to look up now, as a stranger would. */
export interface LookOrder {
  readonly image: ChannelArch;
  /** Aborts when the image need not be found any more. */
  readonly signal: AbortSignal;
}

/** How often an image that was found is looked up again. */
const INTERVAL_MS = 180_000;
/**
 * The least time between two look-ups among many images that are found: each
 * takes about ten requests, so the cost stays at 20 look-ups a minute from 60
 * images to thousands.
 */
const FOUND_SHARE_MS = 3000;
/** The same among many images that are missed, which should be found soon. */
const MISSED_SHARE_MS = 500;
/** A record that was just told may not have spread, or a node just left. */
const SECOND_LOOK_MS = 1000;
/**
 * When an image that was missed twice is looked up again, unless it is
 * announced anew.
 */
const RETRY_MS = 60_000;
/** An image missed this often in a row counts as not found. */
const MISSES = 2;
/** Look-ups at once. */
const MAX_AT_ONCE = 4;
/** Nodes that come and go cause no more than one look-up in so long. */
const LOSS_GAP_MS = 10_000;

/** Its multiples lie evenly between whole numbers. */
const GOLDEN_RATIO = (Math.sqrt(5) - 1) / 2;

interface Sighting {
  readonly image: ChannelArch;
  readonly ending: AbortController;
  /** When to look it up, on the monotonic clock. */
  dueMs: number;
  isLooking: boolean;
  misses: number;
  /** When it was last found, unless it is missed now. */
  foundMs?: number;
}

/**
 * Knows which images a stranger finds in the DHT, and decides when to look each
 * of them up. That other nodes said they keep a record is not enough: they may
 * forget it, leave, or not be met by any search. It only decides: every call is
 * given the time, on the monotonic clock.
 */
export class DhtSightings {
  readonly #sightings = new Map<string, Sighting>();
  #looking = 0;
  /** A share of the interval, 0 to below 1. */
  #spread = 0;
  /** When the last look-up for such a loss was or is due. */
  #lossLookMs = -Infinity;

  /** An image was announced: it is looked up now. */
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

  /** The image need not be found any more. */
  delete(image: ChannelArch): void {
    const id = formatChannelArch(image);
    const sighting = this.#sightings.get(id);
    if (sighting?.isLooking) this.#looking--;
    sighting?.ending.abort();
    this.#sightings.delete(id);
  }

  /** A node has gone, perhaps the last: one image is looked up soon. */
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

  /** What to look up now; `looked` takes the results. */
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

  /** Whether a stranger finds an image, by the latest look-ups. */
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

  /**
   * Spreads look-ups, so that images found together are not looked up together
   * again.
   */
  #spreadMs(): number {
    const intervalMs = this.#intervalMs();
    if (intervalMs === INTERVAL_MS) return intervalMs;
    this.#spread = (this.#spread + GOLDEN_RATIO) % 1;
    return this.#spread * intervalMs;
  }

  /** If no node answers, no image can be found: each is looked up soon. */
  #allMissed(nowMs: number): void {
    let dueMs = nowMs;
    for (const sighting of this.#sightings.values()) {
      if (sighting.foundMs === undefined) continue;
      delete sighting.foundMs;
      dueBy(sighting, dueMs += MISSED_SHARE_MS);
    }
  }
}

/**
 * Makes it due by then at the latest, unless it was announced again meanwhile.
 */
function dueBy(sighting: Sighting, dueMs: number): void {
  sighting.dueMs = Math.min(sighting.dueMs, dueMs);
}
