/** A signal finds every further listener by going through all it has. */
const aborts = new WeakMap<AbortSignal, Promise<void>>();

/**
 * Resolves when the signal aborts, and at once when it has already: for races
 * in which an abort is an ordinary end.
 */
export function whenAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  const known = aborts.get(signal);
  if (known !== undefined) return known;
  const { promise, resolve } = Promise.withResolvers<void>();
  signal.addEventListener("abort", () => resolve(), { once: true });
  aborts.set(signal, promise);
  return promise;
}
