import { AsyncQueue } from "../core/async_queue.ts";
import type { Clock } from "../core/clock.ts";
import { DEFAULT_DHT_PROTOCOL } from "../core/dht_protocol.ts";
import { messageOf } from "../core/printable.ts";
import { openDhtClient } from "../net/dht/client.ts";
import { DhtSearch } from "./dht_search.ts";
import type { Finding, Source } from "./source.ts";

/** A source that can be given more nodes to ask while it runs. */
export interface DhtSource extends Source {
  /** The name in results and messages. */
  readonly name: "dht";
  /**
   * Adds a node to join through, such as one that a LAN provider names.
   *
   * @param multiaddr untrusted; one that cannot be dialled becomes a problem
   */
  addPeer(multiaddr: string): void;
}

/** What the source is made of. */
export interface DhtSourceOptions {
  /** Multiaddrs of nodes to join through. */
  readonly bootstrap: readonly string[];
  /** The Kademlia protocol id; only nodes with the same one meet. */
  readonly protocol?: string | undefined;
  /** For the dates of records and for retries. */
  readonly clock: Clock;
  /**
   * Whether the wall clock can be right. A board without a battery boots in
   * 1970; then nothing is refused as expired or of the future.
   */
  readonly isClockTrusted: boolean;
  /** Whether it is the public DHT of IPFS. @default {false} */
  readonly isAmino?: boolean;
  /** Whether to ask no other machine. @default {false} */
  readonly loopbackOnly?: boolean;
  /** Opens the client, for tests. @default openDhtClient */
  readonly openClient?: typeof openDhtClient;
}

/** Finds images in the DHT, as a client that is gone when it has its answer. */
export function createDhtSource(options: DhtSourceOptions): DhtSource {
  const addresses = new Set(options.bootstrap);
  const listeners = new Set<(address: string) => void>();
  return {
    name: "dht",
    addPeer(address) {
      if (addresses.has(address)) return;
      addresses.add(address);
      for (const listener of listeners) listener(address);
    },
    async *find(image, { signal, trace = () => {} }) {
      const {
        clock,
        isClockTrusted,
        protocol = DEFAULT_DHT_PROTOCOL,
        isAmino = false,
        loopbackOnly = false,
        openClient = openDhtClient,
      } = options;
      const findings = new AsyncQueue<Finding>();
      const stop = new AbortController();
      const ended = AbortSignal.any([signal, stop.signal]);
      const search = new DhtSearch(image, {
        openClient: (timeoutMs) =>
          openClient({
            timeoutMs,
            protocol,
            isAmino,
            loopbackOnly,
            clock,
            signal: ended,
          }),
        clock,
        isClockTrusted,
        keepsValues: !isAmino,
        report: (finding) => findings.push(finding),
        trace,
        signal: ended,
      });
      const add = (address: string) => search.add(address);
      addresses.forEach(add);
      listeners.add(add);
      const running = search.run().catch((error) => {
        if (ended.aborted) return;
        const message = `The DHT cannot be asked: ${messageOf(error)}`;
        findings.push({ kind: "problem", message });
      }).finally(() => findings.close());
      try {
        yield* findings;
      } finally {
        listeners.delete(add);
        stop.abort();
        await running;
      }
    },
  };
}
