import type { Connection } from "@libp2p/interface";
import { KadCall } from "../message.ts";
import { onePerHost } from "./reachability.ts";
import { type Dialer, type RequestOptions, requestPeer } from "./request.ts";

/** How many hosts are asked: a single liar cannot move the median. */
const MAX_ASKED = 5;
/** Over a connection that is open; half of the round trip is the error. */
const ASK_TIMEOUT_MS = 1500;

/**
 * How far the own clock is ahead of those of other nodes, in milliseconds: at
 * least so far, or so far behind, as half of some of them say.
 *
 * @param connections with nodes of the DHT
 * @returns undefined: none tells the time, as those of other programs do not
 */
export async function clockLead(
  node: Dialer,
  connections: readonly Connection[],
  options: Omit<RequestOptions, "timeoutMs">,
): Promise<number | undefined> {
  const { clock } = options;
  const leads = await Promise.all(
    onePerHost(connections).slice(0, MAX_ASKED).map(async ({ remotePeer }) => {
      const { bytes } = remotePeer.toMultihash();
      const answer = await requestPeer(
        node,
        { id: remotePeer.toString(), multihash: bytes, addresses: [] },
        { call: KadCall.ping, key: bytes },
        { ...options, timeoutMs: ASK_TIMEOUT_MS },
      );
      const timeMs = answer.ok ? answer.value.receivedAtMs : undefined;
      return timeMs === undefined ? [] : [clock.now() - timeMs];
    }),
  );
  return middle(leads.flat());
}

/** The one that half of the others are no nearer to nothing than. */
export function middle(leads: readonly number[]): number | undefined {
  const sorted = leads.toSorted((a, b) => Math.abs(a) - Math.abs(b));
  return sorted[(sorted.length - 1) >> 1];
}
