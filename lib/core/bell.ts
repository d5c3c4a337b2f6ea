import { type Clock, untilAbort } from "./clock.ts";

/**
 * Wakes one loop, from any number of callbacks: rings that come while it works
 * count as one, and none is lost.
 */
export class Bell {
  #rung = new AbortController();

  /** Asks for another round. */
  ring(): void {
    this.#rung.abort();
  }

  /** Aborts with the first ring after the last `reset()`. */
  get signal(): AbortSignal {
    return this.#rung.signal;
  }

  /** Call before a round: every ring from now on asks for a further one. */
  reset(): void {
    this.#rung = new AbortController();
  }

  /**
   * Waits for a ring.
   *
   * @param timeoutMs how long at most
   * @returns whether it was rung
   * @throws the signal's reason, when it aborts first
   */
  async wait(
    clock: Clock,
    timeoutMs: number,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<boolean> {
    const rung = this.#rung.signal;
    await untilAbort(clock, timeoutMs, [signal, rung]);
    signal.throwIfAborted();
    return rung.aborted;
  }
}
