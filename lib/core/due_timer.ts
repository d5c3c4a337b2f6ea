import type { Clock } from "./clock.ts";

/** The one timer of something that says itself when it is due next. */
export class DueTimer {
  readonly #clock: Clock;
  readonly #onDue: () => void;
  #cancel = () => {};

  /**
   * Waits for nothing yet.
   *
   * @param onDue called at the time that was set last
   */
  constructor(clock: Clock, onDue: () => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  /**
   * Sets the time, in place of the one before.
   *
   * @param dueMs by the monotonic clock; `Infinity` where nothing is due
   */
  set(dueMs: number): void {
    this.#cancel();
    this.#cancel = dueMs === Infinity ? () => {} : this.#clock.setTimer(
      this.#onDue,
      Math.max(0, dueMs - this.#clock.monotonic()),
    );
  }
}
