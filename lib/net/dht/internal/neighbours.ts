import { type Clock, sleep } from "../../../core/clock.ts";

/** A new peer is given time to be identified. */
const DELAY_MS = 500;
/** However many come, no more often than this at first. */
const MIN_INTERVAL_MS = 5000;
/**
 * The longest interval while new peers keep coming: as often as kad-dht looks
 * on its own.
 */
const MAX_INTERVAL_MS = 60_000;

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
  let lastMs = -Infinity;
  let intervalMs = MIN_INTERVAL_MS;
  const look = async () => {
    const sinceMs = clock.monotonic() - lastMs;
    const wasQuiet = sinceMs > 2 * intervalMs;
    if (wasQuiet) intervalMs = MIN_INTERVAL_MS;
    const waitMs = Math.max(DELAY_MS, intervalMs - sinceMs);
    await sleep(clock, waitMs, { signal });
    if (!wasQuiet) intervalMs = Math.min(2 * intervalMs, MAX_INTERVAL_MS);
    isPending = false;
    lastMs = clock.monotonic();
    await lookForSelf({ signal });
  };
  return () => {
    if (isPending || signal.aborted) return;
    isPending = true;
    look().catch(() => {
      // Aborted, or without an answer: the next peer brings the next attempt.
    });
  };
}
