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
 * Knows whether any node of the DHT answers, and decides when to try again, so
 * that one of thousands of images is published for all. It only decides: every
 * call is given the time, on the monotonic clock.
 */
export class PeerProbe {
  #failures = 0;
  #dueMs: number | undefined;

  /** Whether no node has answered since the last failure. */
  get isAlone(): boolean {
    return this.#dueMs !== undefined;
  }

  /** When to try again; `Infinity` while nodes answer. */
  get dueMs(): number {
    return this.#dueMs ?? Infinity;
  }

  /** No node has answered; of many attempts made together one counts. */
  failed(nowMs: number, random: number): void {
    if (this.#dueMs !== undefined && nowMs < this.#dueMs) return;
    this.#dueMs = nowMs + retryDelayMs(this.#failures++, random);
  }

  /**
   * A node has answered, or can be asked.
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
