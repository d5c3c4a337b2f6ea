import type { Clock } from "../../../core/clock.ts";
import type { AnnounceOutcome } from "../announce_outcome.ts";
import { compareDistances, type Contact, lookUp } from "../lookup.ts";
import { KadCall, type KadRequest } from "../message.ts";
import { type Dialer, requestPeer } from "./request.ts";

/** Kademlia's k: how many nodes keep a record. */
const REPLICATION = 20;
/** From dialling to the answer: a WAN round trip takes five of it. */
const REQUEST_TIMEOUT_MS = 4000;

/**
 * Has the nodes nearest to a key keep its record, and those nearest to its
 * multihash its provider.
 *
 * Each node is told as soon as it proves to be one of the nearest so far, not
 * when the look-up has ended: silent nodes would delay everything by their
 * timeout. A few nodes more than necessary keep it then, which does no harm.
 *
 * @param seeds nodes to start from
 * @param onStored called when the first node has said that it keeps the record
 */
export async function announceTo(
  { node, protocol, clock, seeds, record, provider, onStored, signal }: {
    readonly node: Dialer;
    readonly protocol: string;
    readonly clock: Clock;
    readonly seeds: readonly Contact[];
    readonly record: KadRequest;
    readonly provider: KadRequest;
    readonly onStored: () => void;
    readonly signal: AbortSignal;
  },
): Promise<AnnounceOutcome> {
  const options = { protocol, clock, timeoutMs: REQUEST_TIMEOUT_MS };
  const failures = new Set<string>();
  const reached = new Set<string>();
  const tell = async (
    request: KadRequest,
    onTold: () => void,
  ): Promise<number> => {
    const { key } = request;
    const nearest: Uint8Array[] = [];
    const telling: Promise<boolean>[] = [];
    const steps = lookUp({
      key,
      seeds,
      self: node.peerId.toString(),
      clock,
      signal,
      ask: (to, { signal }) =>
        requestPeer(node, to, { call: KadCall.findNode, key }, {
          ...options,
          signal,
        }),
    });
    const tellOne = async (to: Contact): Promise<boolean> => {
      const answer = await requestPeer(node, to, request, {
        ...options,
        signal,
      });
      if (answer.ok) onTold();
      else failures.add(answer.reason);
      return answer.ok;
    };
    for await (const step of steps) {
      if (step.kind === "failure") {
        failures.add(step.reason);
        continue;
      }
      reached.add(step.answer.from.id);
      nearest.push(step.distance);
      nearest.sort(compareDistances);
      if (nearest.indexOf(step.distance) >= REPLICATION) continue;
      telling.push(tellOne(step.answer.from));
    }
    return (await Promise.all(telling)).filter((isTold) => isTold).length;
  };
  const [storedAt, providedAt] = await Promise.all([
    tell(record, onStored),
    tell(provider, () => {}),
  ]);
  return {
    reached: reached.size,
    storedAt,
    providedAt,
    failures: [...failures],
  };
}
