import { whenAborted } from "../core/abort.ts";
import { type Clock, sleep } from "../core/clock.ts";
import type { ChannelArch } from "../core/channel_arch.ts";
import type { DhtSource } from "./dht_source.ts";
import type { Finding } from "./source.ts";

/** How a lazy source comes to its real one. */
export interface LazyDhtSourceOptions {
  /** Multiaddrs known from the start. */
  readonly bootstrap: readonly string[];
  /** Imports the real source: 1 MB of code, a tenth of a second. */
  readonly load: (bootstrap: readonly string[]) => Promise<DhtSource>;
  /**
   * How long others may try alone first, since loading keeps them from hearing
   * their answers.
   */
  readonly headStartMs: number;
  /** Whether addresses may come in later. */
  readonly mayLearnPeers: boolean;
  /** Whose time passes. */
  readonly clock: Clock;
}

/**
 * How long LAN providers have to name a node before that is a problem: those of
 * other images are asked after a second.
 */
const LEARNING_MS = 2000;

/** Asks the DHT, and loads what that takes once there is somebody to ask. */
export function createLazyDhtSource(
  options: LazyDhtSourceOptions,
): DhtSource {
  const known = new Set(options.bootstrap);
  const heardOfPeer = new AbortController();
  let source: DhtSource | undefined;
  return {
    name: "dht",
    addPeer(multiaddr) {
      if (known.has(multiaddr)) return;
      known.add(multiaddr);
      source?.addPeer(multiaddr);
      heardOfPeer.abort();
    },
    async *find(
      image: ChannelArch,
      { signal }: { readonly signal: AbortSignal },
    ): AsyncGenerator<Finding> {
      const { clock, mayLearnPeers, headStartMs } = options;
      try {
        if (mayLearnPeers && known.size === 0) {
          const wait = AbortSignal.any([signal, heardOfPeer.signal]);
          await sleep(clock, LEARNING_MS, { signal: wait }).catch(() => {});
        }
        if (known.size === 0) {
          yield {
            kind: "problem",
            message:
              "The DHT was not asked, no node of it is known: name one with --bootstrap MULTIADDR",
          };
          if (!mayLearnPeers) return;
          await Promise.race([
            whenAborted(heardOfPeer.signal),
            whenAborted(signal),
          ]);
        }
        await sleep(clock, headStartMs, { signal });
      } catch (error) {
        if (signal.aborted) return; // The others were quick enough.
        throw error;
      }
      source = await options.load([...known]);
      yield* source.find(image, { signal });
    },
  };
}
