/** Images for which a slot of its own is worth the look-ups that it takes. */
const SLOT_IMAGES = 50;
/** Look-ups do not grow any more from here on, however many images there are. */
const MAX_SLOTS = 16;

/**
 * Spreads the refreshes of all images over the interval, by their places in the
 * key space: those that are near each other are told together, to the same
 * nodes.
 */
export class RefreshSchedule {
  /**
   * How long a round takes, less than the interval, since telling takes a while;
   * and not as long as that of providers that were started together.
   */
  readonly cycleMs: number;
  #phaseMs: number | undefined;

  /**
   * Begins with the first image.
   *
   * @param random 0 to below 1
   */
  constructor(intervalMs: number, random: number) {
    this.cycleMs = intervalMs * (0.9 + random / 20);
  }

  /**
   * When an image is refreshed, on the clock of `toldMs`: within a round.
   *
   * @param place in the key space, 0 to below 1
   * @param count of all images
   */
  nextMs(place: number, count: number, toldMs: number): number {
    this.#phaseMs ??= toldMs;
    const slots = Math.min(Math.ceil(count / SLOT_IMAGES), MAX_SLOTS);
    const slotMs = this.#phaseMs +
      Math.floor(place * slots) / slots * this.cycleMs;
    // Not again what was told at its time: a part of a millisecond is lost.
    const rounds = Math.floor((toldMs + 1 - slotMs) / this.cycleMs) + 1;
    return slotMs + rounds * this.cycleMs;
  }

  /** The number of a round; they begin with the first image. */
  roundAt(nowMs: number): number {
    return Math.floor((nowMs - (this.#phaseMs ?? nowMs)) / this.cycleMs);
  }
}
