const FIRST_RETRY_MS = 1000;
const MAX_RETRY_MS = 60_000;

/**
 * How long to wait after a number of failures in a row, in milliseconds: 1 s,
 * 2 s and so on to a minute, spread so that providers do not stay together.
 *
 * @param random 0 to below 1
 * @param atLeastMs before it is spread. @default 0
 */
export function retryDelayMs(
  failures: number,
  random: number,
  atLeastMs = 0,
): number {
  const retryMs = Math.min(FIRST_RETRY_MS * 2 ** failures, MAX_RETRY_MS);
  return Math.max(retryMs, atLeastMs) * (0.75 + random / 2);
}

/**
 * Knows whether any node of the DHT answers at all, and decides when that is
 * tried again, so that of thousands of images one is published for all. Does
 * nothing by itself: every call is told the time, on the monotonic clock.
 */
export class PeerProbe {
  #failures = 0;
  #dueMs: number | undefined;

  /** Whether nobody has answered since somebody did. */
  get isAlone(): boolean {
    return this.#dueMs !== undefined;
  }

  /** When it is to be tried again; `Infinity`: somebody answers. */
  get dueMs(): number {
    return this.#dueMs ?? Infinity;
  }

  /** Nobody has answered: of many that were asked for together one counts. */
  failed(nowMs: number, random: number): void {
    if (this.#dueMs !== undefined && nowMs < this.#dueMs) return;
    this.#dueMs = nowMs + retryDelayMs(this.#failures++, random);
  }

  /**
   * Somebody has answered, or is there to be asked.
   *
   * @returns whether nobody was before
   */
  met(): boolean {
    const wasAlone = this.isAlone;
    this.#failures = 0;
    this.#dueMs = undefined;
    return wasAlone;
  }
}
