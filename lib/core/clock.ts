/**
 * Time, passed in wherever it is needed, so that tests can turn it by hand.
 * Nothing outside this file reads the system clock or starts a timer.
 */
export interface Clock {
  /** Wall clock: milliseconds since 1970-01-01 UTC. May jump. */
  now(): number;
  /** Milliseconds since an arbitrary start. Never goes back. */
  monotonic(): number;
  /**
   * Calls `callback` once after `delayMs`, unless the returned function is
   * called first.
   */
  setTimer(callback: () => void, delayMs: number): () => void;
}

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimer(callback, delayMs) {
    const id = setTimeout(callback, delayMs);
    return () => clearTimeout(id);
  },
};

/**
 * Waits until one of the signals aborts, or for `delayMs` at most.
 *
 * @param clock whose time passes
 */
export function untilAbort(
  clock: Clock,
  timeoutMs: number,
  signals: readonly AbortSignal[],
): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      cancel();
      for (const signal of signals) signal.removeEventListener("abort", end);
      resolve();
    };
    const cancel = clock.setTimer(end, timeoutMs);
    if (signals.some(({ aborted }) => aborted)) return end();
    for (const signal of signals) signal.addEventListener("abort", end);
  });
}

/**
 * Waits.
 *
 * @param clock whose time passes
 * @param delayMs how long
 * @throws the signal's reason, when it aborts first
 */
export async function sleep(
  clock: Clock,
  delayMs: number,
  { signal }: { readonly signal: AbortSignal },
): Promise<void> {
  signal.throwIfAborted();
  await untilAbort(clock, delayMs, [signal]);
  signal.throwIfAborted();
}

/** Short compared with the waits, and long compared with an idle wake-up. */
const STEP_MS = 5;

/**
 * Waits for at least `delayMs`, in steps, so that everything that came in is
 * dealt with between two steps. On a slow or busy processor a turn of the event
 * loop takes longer than a step, so the wait grows with the work it is meant to
 * leave time for.
 *
 * @param clock whose time passes
 * @param delayMs how long, where nothing else is to be done
 * @param isNeeded asked before each step; the wait ends when it is not
 * @throws the signal's reason, when it aborts first
 */
export async function sleepInSteps(
  clock: Clock,
  delayMs: number,
  { signal, isNeeded = () => true }: {
    readonly signal: AbortSignal;
    readonly isNeeded?: () => boolean;
  },
): Promise<void> {
  for (let leftMs = delayMs; leftMs > 0 && isNeeded(); leftMs -= STEP_MS) {
    await sleep(clock, Math.min(STEP_MS, leftMs), { signal });
  }
}

/** A signal that ends with its parent or when time is up. */
export interface Deadline extends Disposable {
  /** Aborts with the parent's reason, or a `TimeoutError` when time is up. */
  readonly signal: AbortSignal;
}

/**
 * Bounds work in time. Disposing stops the timer, which `AbortSignal.timeout`
 * cannot do: under Deno its timer would keep the process alive.
 *
 * @example
 * ```ts
 * import { deadline, systemClock } from "./clock.ts";
 * using limit = deadline(systemClock, 1000, { signal: new AbortController().signal });
 * limit.signal.throwIfAborted();
 * ```
 */
export function deadline(
  clock: Clock,
  timeoutMs: number,
  { signal }: { readonly signal: AbortSignal },
): Deadline {
  const controller = new AbortController();
  const cancel = clock.setTimer(
    () => controller.abort(new DOMException("time is up", "TimeoutError")),
    timeoutMs,
  );
  const onAbort = () => controller.abort(signal.reason);
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      cancel();
      signal.removeEventListener("abort", onAbort);
    },
  };
}

/**
 * Waits for work, but for a limited time only.
 *
 * @returns undefined when it was not done in time
 */
export async function inTime<T>(
  clock: Clock,
  timeoutMs: number,
  work: Promise<T>,
): Promise<T | undefined> {
  const late = Promise.withResolvers<undefined>();
  const cancel = clock.setTimer(() => late.resolve(undefined), timeoutMs);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    cancel();
  }
}

/** Caches a value for a short time, then computes it again. */
export function remembered<T>(
  clock: Clock,
  forMs: number,
  make: () => T,
): () => T {
  let known: { readonly value: T; readonly untilMs: number } | undefined;
  return () => {
    const now = clock.monotonic();
    if (known === undefined || now >= known.untilMs) {
      known = { value: make(), untilMs: now + forMs };
    }
    return known.value;
  };
}
