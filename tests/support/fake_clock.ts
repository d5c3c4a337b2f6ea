import { setImmediate } from "node:timers/promises";
import type { Clock } from "../../lib/core/clock.ts";

/** How much WebCrypto is computing, on threads that no clock holds up. */
let computing = 0;
countComputing(["digest", "exportKey", "importKey", "sign", "verify"]);

/** A clock that stands still until a test turns it. */
export class FakeClock implements Clock {
  #elapsedMs = 0;
  #nextId = 0;
  readonly #timers = new Map<number, { dueMs: number; callback: () => void }>();
  #startMs: number;

  /** @param start what the wall clock shows at first */
  constructor(start = "2026-11-22T12:00:00Z") {
    this.#startMs = Date.parse(start);
  }

  now(): number {
    return this.#startMs + this.#elapsedMs;
  }

  monotonic(): number {
    return this.#elapsedMs;
  }

  setTimer(callback: () => void, delayMs: number): () => void {
    const id = this.#nextId++;
    this.#timers.set(id, {
      dueMs: this.#elapsedMs + Math.max(0, delayMs),
      callback,
    });
    return () => this.#timers.delete(id);
  }

  /** How many timers are waiting. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Sets the wall clock without letting time pass, as an NTP step does. */
  jumpTo(time: string): void {
    this.#startMs = Date.parse(time) - this.#elapsedMs;
  }

  /**
   * Lets time pass in which nothing runs, as on a machine that is starved: all
   * that falls due meanwhile fires at the end of it, at the next `advance`.
   */
  stall(durationMs: number): void {
    this.#elapsedMs += durationMs;
  }

  /**
   * Lets time pass: every timer that falls due fires in order, and promises
   * settle after each.
   */
  async advance(durationMs: number): Promise<void> {
    const endMs = this.#elapsedMs + durationMs;
    await settle();
    while (true) {
      const due = [...this.#timers].filter(([, t]) => t.dueMs <= endMs)
        .sort(([a, s], [b, t]) => s.dueMs - t.dueMs || a - b)[0];
      if (due === undefined) break;
      const [id, timer] = due;
      this.#timers.delete(id);
      this.#elapsedMs = Math.max(this.#elapsedMs, timer.dueMs);
      timer.callback();
      await settle();
    }
    this.#elapsedMs = endMs;
  }
}

/**
 * Lets everything go on that waits for promises only, or for WebCrypto: its
 * threads may come late on a busy machine, which is no time that passes.
 */
async function settle(): Promise<void> {
  do await setImmediate(); while (computing > 0);
}

function countComputing(names: readonly (keyof SubtleCrypto)[]): void {
  for (const name of names) {
    const compute = crypto.subtle[name];
    const value = async (...args: unknown[]) => {
      computing++;
      try {
        return await Reflect.apply(compute, crypto.subtle, args);
      } finally {
        computing--;
      }
    };
    Object.defineProperty(crypto.subtle, name, { value });
  }
}
