/**
 * Resolves when the signal aborts, and at once when it has already: for races
 * in which an abort is an ordinary end.
 */
export function whenAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
