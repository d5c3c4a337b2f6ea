/** One moment, by both clocks: a wall clock that is set anew is just data. */
export interface Now {
  /** Milliseconds since an arbitrary start; never goes back. */
  readonly monotonicMs: number;
  /** Milliseconds since 1970; may jump. */
  readonly wallMs: number;
}

/** Others refuse what is dated so much ahead of their clock, or expired. */
const CLOCK_JUMP_MS = 60_000;

/**
 * Dates records: each is later than every one before, since other nodes refuse a
 * record older than the last one, and the wall clock may go back a little. When
 * it goes back far, they have refused the last.
 */
export class RecordDates {
  #lastMs = 0;

  /** The date of the next record, in milliseconds since 1970. */
  next({ wallMs }: Now): number {
    this.#lastMs = this.#lastMs > wallMs + CLOCK_JUMP_MS
      ? wallMs
      : Math.max(wallMs, this.#lastMs + 1);
    return this.#lastMs;
  }
}

/** Whether the wall clock was set between two moments, so that dates are off. */
export function isClockSet(before: Now, now: Now): boolean {
  return Math.abs(clockOffsetMs(now) - clockOffsetMs(before)) > CLOCK_JUMP_MS;
}

/** How far the wall clock is ahead of the monotonic one. */
function clockOffsetMs({ wallMs, monotonicMs }: Now): number {
  return wallMs - monotonicMs;
}
