import type { Clock } from "../core/clock.ts";
import { compareDistances, type Contact, lookUp } from "./kad_lookup.ts";
import { KadCall, type KadRequest } from "./kad_message.ts";
import { type Dialer, requestPeer } from "./kad_request.ts";

/** What became of an announcement. */
export interface AnnounceOutcome {
  /** Other nodes that said they keep the record. */
  readonly storedAt: number;
  /** Other nodes that were told of the provider; they do not answer to it. */
  readonly providedAt: number;
  /** Why others did not, each reason once. */
  readonly failures: readonly string[];
}

/** Kademlia's k: how many nodes keep a record. */
const REPLICATION = 20;
const REQUEST_TIMEOUT_MS = 2000;

/**
 * Has the nodes nearest to a key keep its record, and those nearest to its
 * multihash its provider.
 *
 * @param seeds nodes to start from
 */
export async function announceTo(
  { node, protocol, clock, seeds, record, provider, signal }: {
    readonly node: Dialer;
    readonly protocol: string;
    readonly clock: Clock;
    readonly seeds: readonly Contact[];
    readonly record: KadRequest;
    readonly provider: KadRequest;
    readonly signal: AbortSignal;
  },
): Promise<AnnounceOutcome> {
  const options = { protocol, clock, timeoutMs: REQUEST_TIMEOUT_MS, signal };
  const failures = new Set<string>();
  const tell = async (request: KadRequest): Promise<number> => {
    const near = await nearestNodes(node, request.key, seeds, options);
    for (const reason of near.failures) failures.add(reason);
    const told = await Promise.all(near.nodes.map(async (to) => {
      const answer = await requestPeer(node, to, request, options);
      if (!answer.ok) failures.add(answer.reason);
      return answer.ok;
    }));
    return told.filter((ok) => ok).length;
  };
  const [storedAt, providedAt] = await Promise.all([
    tell(record),
    tell(provider),
  ]);
  return { storedAt, providedAt, failures: [...failures] };
}

async function nearestNodes(
  node: Dialer,
  key: Uint8Array,
  seeds: readonly Contact[],
  options: Parameters<typeof requestPeer>[3],
): Promise<{ nodes: Contact[]; failures: string[] }> {
  const answered: { to: Contact; distance: Uint8Array }[] = [];
  const failures: string[] = [];
  const steps = lookUp({
    key,
    seeds,
    self: node.peerId.toString(),
    clock: options.clock,
    signal: options.signal,
    ask: (to, { signal }) =>
      requestPeer(node, to, { call: KadCall.findNode, key }, {
        ...options,
        signal,
      }),
  });
  for await (const step of steps) {
    if (step.kind === "failure") {
      failures.push(step.reason);
    } else answered.push({ to: step.answer.from, distance: step.distance });
  }
  answered.sort((a, b) => compareDistances(a.distance, b.distance));
  return {
    nodes: answered.slice(0, REPLICATION).map(({ to }) => to),
    failures,
  };
}
