import type { Clock } from "../core/clock.ts";
import { DueTimer } from "../core/due_timer.ts";
import type { FetchEvent } from "./fetch_image.ts";

/** How long nothing may come, where no other time was named. */
export const MAX_SILENCE_MS = 60_000;

/**
 * Ends a fetch: at the time that was named, or else when nothing has come for a
 * minute. An image may be large and a link slow; a source that asks to be asked
 * later is alive for as long as it said.
 */
export class FetchLimit implements Disposable {
  readonly #ending = new AbortController();
  readonly #clock: Clock;
  readonly #timer: DueTimer;
  readonly #isFixed: boolean;
  #endMs: number;

  /**
   * Begins to wait.
   *
   * @param deadlineMs by the monotonic clock; undefined where none was named
   */
  constructor(clock: Clock, deadlineMs: number | undefined) {
    this.#clock = clock;
    this.#isFixed = deadlineMs !== undefined;
    this.#endMs = deadlineMs ?? clock.monotonic() + MAX_SILENCE_MS;
    this.#timer = new DueTimer(clock, () => this.#check());
    this.#timer.set(this.#endMs);
  }

  /** Aborts when time is up. */
  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  /** Takes in what happened. */
  receive(event: FetchEvent): void {
    if (this.#isFixed || event.kind === "source-failed") return;
    const delayMs = event.kind === "source-waits" ? event.delayMs : 0;
    const endMs = this.#clock.monotonic() + delayMs + MAX_SILENCE_MS;
    this.#endMs = Math.max(this.#endMs, endMs);
  }

  /** Stops waiting. */
  [Symbol.dispose](): void {
    this.#timer.set(Infinity);
  }

  /** Once for many events, of which there may be thousands a second. */
  #check(): void {
    if (this.#clock.monotonic() < this.#endMs) this.#timer.set(this.#endMs);
    else this.#ending.abort(new DOMException("time is up", "TimeoutError"));
  }
}
