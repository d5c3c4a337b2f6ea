import type { Clock } from "../../core/clock.ts";
import type { Patience } from "./patience.ts";

/** A download that holds a place, or wants one. */
export interface Guest {
  /** Its IP address. */
  readonly address: string;
  /** Bytes per second that it has accepted lately. */
  rate(nowMs: number): number;
  /** Its place goes to another. */
  giveWay(): void;
}

/** What places are shared out by. */
export interface PlacesOptions {
  /** Whose time passes. */
  readonly clock: Clock;
  /** How many there are; never are more held. */
  readonly limit: number;
  /** The limit for each, bytes per second. */
  readonly maxRateBytesPerSecond: number;
}

/** A slower guest may lose its place to one that waits. */
const MIN_RATE_BYTES_PER_SECOND = 8 * 1024;
/** How many times that is asked for at most of one that holds many places. */
const MAX_LEAD = 8;
/** How many may wait: sockets without anything to send. */
const MAX_WAITING = 512;
/** How often slow guests are looked for while others wait. */
const CHECK_MS = 500;

interface Waiting {
  readonly guest: Guest;
  readonly untilMs: number;
  readonly settle: (hasPlace: boolean) => void;
}

/**
 * A bounded number of places, shared out by address once they run short. While
 * all are taken, newcomers wait, and the next place goes to the address that
 * holds the fewest. It need not become free: the slowest guest gives way if it
 * is below a minimum rate, which is multiplied, for an address that holds more
 * places than the newcomer's, by the difference. While places are free no guest
 * is too slow.
 */
export class Places {
  readonly #options: PlacesOptions;
  readonly #held = new Map<string, Set<Guest>>();
  #heldCount = 0;
  /** In order of arrival. */
  readonly #waiting = new Set<Waiting>();
  #cancelCheck: (() => void) | undefined;

  constructor(options: PlacesOptions) {
    this.#options = options;
  }

  /**
   * Takes a place.
   *
   * @returns whether there was one, at once where there is, else when it is
   * known
   */
  take(guest: Guest, { waitMs, comesBack }: Patience): true | Promise<boolean> {
    if (this.#heldCount < this.#options.limit) {
      this.#hold(guest);
      return true;
    }
    // One that has a place already and comes back anyway is told to.
    const patienceMs = comesBack && this.#countOf(guest.address) > 0
      ? 0
      : waitMs;
    return new Promise((settle) => {
      const untilMs = this.#options.clock.monotonic() + patienceMs;
      if (this.#hasRoomToWait(guest.address)) {
        this.#waiting.add({ guest, untilMs, settle });
        this.#update();
      } else settle(false);
    });
  }

  /** Gives a place back, or stops waiting for one. */
  leave(guest: Guest): void {
    let isChanged = this.#release(guest);
    for (const waiting of this.#waiting) {
      if (waiting.guest !== guest) continue;
      this.#settle(waiting, false);
      isChanged = true;
    }
    if (isChanged) this.#update();
  }

  holds(guest: Guest): boolean {
    return this.#held.get(guest.address)?.has(guest) ?? false;
  }

  #countOf(address: string): number {
    return this.#held.get(address)?.size ?? 0;
  }

  #hold(guest: Guest): void {
    const guests = this.#held.get(guest.address) ?? new Set();
    this.#held.set(guest.address, guests.add(guest));
    this.#heldCount++;
  }

  /** @returns whether it held a place */
  #release(guest: Guest): boolean {
    const guests = this.#held.get(guest.address);
    if (guests === undefined || !guests.delete(guest)) return false;
    if (guests.size === 0) this.#held.delete(guest.address);
    this.#heldCount--;
    return true;
  }

  #settle(waiting: Waiting, hasPlace: boolean): void {
    this.#waiting.delete(waiting);
    if (hasPlace) this.#hold(waiting.guest);
    waiting.settle(hasPlace);
  }

  /** Gives places to waiting guests, and ends waits that took too long. */
  #update(): void {
    const { clock, limit } = this.#options;
    const nowMs = clock.monotonic();
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      if (this.#heldCount >= limit && !this.#makeRoom(next.guest, nowMs)) break;
      this.#settle(next, true);
    }
    for (const waiting of this.#waiting) {
      if (waiting.untilMs <= nowMs) this.#settle(waiting, false);
    }
    this.#cancelCheck?.();
    this.#cancelCheck = this.#waiting.size === 0
      ? undefined
      : clock.setTimer(() => this.#update(), CHECK_MS);
  }

  /** The first of those whose addresses hold the fewest places. */
  #next(): Waiting | undefined {
    let next: Waiting | undefined;
    let fewest = Infinity;
    for (const waiting of this.#waiting) {
      const count = this.#countOf(waiting.guest.address);
      if (count < fewest) [next, fewest] = [waiting, count];
    }
    return next;
  }

  /** @returns whether one was slow enough to give way */
  #makeRoom({ address }: Guest, nowMs: number): boolean {
    const { maxRateBytesPerSecond } = this.#options;
    let slowest: Guest | undefined;
    // As a part of what is asked of it.
    let least = 1;
    for (const guests of this.#held.values()) {
      for (const guest of guests) {
        const ahead = guests.size - this.#countOf(address);
        const lead = Math.min(Math.max(ahead, 1), MAX_LEAD);
        const askedRate = Math.min(
          lead * MIN_RATE_BYTES_PER_SECOND,
          maxRateBytesPerSecond / 2,
        );
        const part = guest.rate(nowMs) / askedRate;
        if (part < least) [slowest, least] = [guest, part];
      }
    }
    if (slowest === undefined) return false;
    this.#release(slowest);
    slowest.giveWay();
    return true;
  }

  /** When the queue is full, the address with most guests in it yields. */
  #hasRoomToWait(address: string): boolean {
    if (this.#waiting.size < MAX_WAITING) return true;
    const counts = new Map<string, number>();
    let last: Waiting | undefined;
    let most = 0;
    for (const waiting of this.#waiting) {
      const count = (counts.get(waiting.guest.address) ?? 0) + 1;
      counts.set(waiting.guest.address, count);
      if (count >= most) [last, most] = [waiting, count];
    }
    if (last === undefined || most <= (counts.get(address) ?? 0) + 1) {
      return false;
    }
    this.#settle(last, false);
    return true;
  }
}
