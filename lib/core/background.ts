import type { Logger } from "./log.ts";
import { messageOf } from "./printable.ts";

/**
 * Starts work that runs until it is disposed of; disposal waits for its end.
 * Its failure is logged as a warning, and stops nothing else.
 *
 * @param work ends when its signal aborts
 */
export function inBackground(
  work: (options: { readonly signal: AbortSignal }) => Promise<void>,
  { logger }: { readonly logger: Logger },
): AsyncDisposable {
  const stopping = new AbortController();
  const { signal } = stopping;
  const ended = work({ signal }).catch((error) => {
    if (!signal.aborted) logger.warn(messageOf(error));
  });
  return {
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await ended;
    },
  };
}
