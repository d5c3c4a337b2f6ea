import { type Clock, sleep } from "../core/clock.ts";

/** A new peer is given time to be identified. */
const DELAY_MS = 500;
/** However many come, no more often than this. */
const MIN_INTERVAL_MS = 5000;

/**
 * Looks for the own neighbours soon after a peer has come. kad-dht does so
 * once a minute only; until then a new or restarted node cannot tell others of
 * nodes that its peers know.
 *
 * @param lookForSelf asks the network for the nodes nearest to the own id
 * @returns tells it of a peer; does nothing once the signal has aborted
 */
export function watchNeighbours(
  { lookForSelf, clock, signal }: {
    readonly lookForSelf: (
      options: { readonly signal: AbortSignal },
    ) => Promise<void>;
    readonly clock: Clock;
    readonly signal: AbortSignal;
  },
): () => void {
  let isPending = false;
  let nextMs = -Infinity;
  const look = async () => {
    const now = clock.monotonic();
    const waitMs = Math.max(DELAY_MS, nextMs - now);
    await sleep(clock, waitMs, { signal });
    isPending = false;
    nextMs = clock.monotonic() + MIN_INTERVAL_MS;
    await lookForSelf({ signal });
  };
  return () => {
    if (isPending || signal.aborted) return;
    isPending = true;
    look().catch(() => {
      // Aborted, or nobody answered: the next peer brings the next attempt.
    });
  };
}
