import type { ChannelArch } from "../core/channel_arch.ts";
import { type Clock, deadline } from "../core/clock.ts";
import type { DhtSource } from "../discover/dht_source.ts";
import type { DhtView } from "./observations.ts";

/** Longest look-up: clients do not find later what is not found by then. */
const LOOK_UP_MS = 10_000;

/** What to look up, and through which nodes. */
export interface DhtQuestion {
  /** An image that the provider serves. */
  readonly image: ChannelArch;
  /** The provider's peer id, Base58. */
  readonly peerId: string;
  /** Multiaddrs of nodes other than the provider's. */
  readonly nodes: readonly string[];
}

/**
 * Looks an image up as a client would that has never heard of its provider:
 * only through other nodes of the DHT, with an identity made for this.
 *
 * @param open opens the client; the first question loads libp2p
 * @throws the signal's reason, if it aborts first
 */
export async function askDhtAsStranger(
  { image, peerId, nodes }: DhtQuestion,
  { clock, open, signal }: {
    readonly clock: Clock;
    readonly open: (nodes: readonly string[]) => Promise<DhtSource>;
    readonly signal: AbortSignal;
  },
): Promise<DhtView> {
  using limit = deadline(clock, LOOK_UP_MS, { signal });
  const source = await open(nodes);
  let hasAnswer = false;
  const problems: string[] = [];
  for await (const finding of source.find(image, { signal: limit.signal })) {
    if (finding.kind === "candidate") {
      hasAnswer = true;
      const { candidate } = finding;
      if (candidate.peerId === peerId) {
        return { nodes, hasAnswer, url: candidate.manifestUrl.href, problems };
      }
    } else if (finding.kind === "problem") {
      hasAnswer ||= finding.topic !== undefined;
      problems.push(finding.message);
      // One problem for each node: those that connected from a port that
      // accepts nothing are not dialled again.
      if (!hasAnswer && problems.length >= nodes.length) break;
    }
  }
  signal.throwIfAborted();
  return { nodes, hasAnswer, url: undefined, problems };
}
