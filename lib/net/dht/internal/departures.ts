import { BoundedMap } from "../../../core/bounded_map.ts";
import { type Clock, sleep } from "../../../core/clock.ts";

/** A node that is just being restarted is given time to come back. */
const DELAY_MS = 3000;
/** Nodes checked at once: when more are lost, the own network is down. */
const MAX_PENDING = 256;

/**
 * Leaves nodes that are gone out of answers. kad-dht keeps naming them until it
 * needs their places, and each costs every look-up a wait.
 *
 * @returns tells it of a node whose last connection was lost; does nothing
 * once the signal has aborted
 */
export function watchDepartures(
  { isReachable, forget, clock, signal }: {
    readonly isReachable: (
      peerId: string,
      options: { readonly signal: AbortSignal },
    ) => Promise<boolean>;
    readonly forget: (peerId: string) => Promise<void>;
    readonly clock: Clock;
    readonly signal: AbortSignal;
  },
): (peerId: string) => void {
  const pending = new BoundedMap<string, true>(MAX_PENDING, "refuse");
  const look = async (peerId: string) => {
    // Spread: when many are lost, everybody has lost them together.
    const delayMs = DELAY_MS * (1 + Math.random());
    await sleep(clock, delayMs, { signal });
    if (await isReachable(peerId, { signal })) return;
    signal.throwIfAborted();
    await forget(peerId);
  };
  return (peerId) => {
    if (signal.aborted || pending.has(peerId)) return;
    if (!pending.set(peerId, true)) return;
    look(peerId).catch(() => {
      // Aborted: the next start begins anew.
    }).finally(() => pending.delete(peerId));
  };
}
