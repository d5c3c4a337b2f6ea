import { whenAborted } from "../core/abort.ts";
import { type Clock, sleep, sleepInSteps } from "../core/clock.ts";
import type { ChannelArch } from "../core/channel_arch.ts";
import type { DhtSource } from "./dht_source.ts";
import type { Finding, FindOptions } from "./source.ts";

/** How a lazy source comes to its real one. */
export interface LazyDhtSourceOptions {
  /** Multiaddrs known from the start. */
  readonly bootstrap: readonly string[];
  /** Imports the real source: 1 MB of code, a tenth of a second. */
  readonly load: (bootstrap: readonly string[]) => Promise<DhtSource>;
  /**
   * How long others may try alone first, since loading keeps them from hearing
   * their answers. In steps: a slow processor takes longer to hear them.
   */
  readonly headStartMs: number;
  /** Whether addresses may come in later; else those that do are ignored. */
  readonly mayLearnPeers: boolean;
  /** Whose time passes. */
  readonly clock: Clock;
}

/**
 * How long LAN providers have to name a node before that is a problem: those of
 * other images are asked after a second.
 */
const LEARNING_MS = 2000;

/**
 * How long the check of a candidate may hold the DHT back, in steps: the
 * provider may hang, or be one of hundreds that are made up.
 */
const CHECKING_MS = 500;

/**
 * Asks the DHT, but loads the code for it only once there is a node to ask and
 * no candidate is being checked: on a slow processor loading takes ten times as
 * long as the rest of a discovery, on the same thread.
 */
export function createLazyDhtSource(
  options: LazyDhtSourceOptions,
): DhtSource {
  const known = new Set(options.bootstrap);
  const heardOfPeer = new AbortController();
  let source: DhtSource | undefined;
  return {
    name: "dht",
    addPeer(multiaddr) {
      if (!options.mayLearnPeers || known.has(multiaddr)) return;
      known.add(multiaddr);
      source?.addPeer(multiaddr);
      heardOfPeer.abort();
    },
    async *find(
      image: ChannelArch,
      { signal, isChecking = () => false, ...more }: FindOptions,
    ): AsyncGenerator<Finding> {
      const { clock, mayLearnPeers, headStartMs } = options;
      const giveWay = () =>
        sleepInSteps(clock, CHECKING_MS, { signal, isNeeded: isChecking });
      let loaded: DhtSource;
      try {
        const wait = AbortSignal.any([signal, heardOfPeer.signal]);
        if (mayLearnPeers && known.size === 0) {
          await sleep(clock, LEARNING_MS, { signal: wait }).catch(() => {});
        }
        if (known.size === 0) {
          yield {
            kind: "problem",
            message:
              "The DHT was not asked, since no node is known: name one with --bootstrap MULTIADDR",
          };
          if (!mayLearnPeers) return;
          await whenAborted(wait);
        }
        await sleepInSteps(clock, headStartMs, { signal });
        await giveWay();
        signal.throwIfAborted();
        loaded = await options.load([...known]);
        source = loaded;
        // Heard of meanwhile; it ignores the others.
        known.forEach((multiaddr) => loaded.addPeer(multiaddr));
        // Found meanwhile: handshakes are heavy too.
        await giveWay();
      } catch (error) {
        if (signal.aborted) return; // The others were quick enough.
        throw error;
      }
      yield* loaded.find(image, { signal, isChecking, ...more });
    },
  };
}
