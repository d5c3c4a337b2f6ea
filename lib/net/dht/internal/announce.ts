import { compare } from "uint8arrays/compare";
import type { AnnounceOutcome } from "../announce_outcome.ts";
import type { Contact } from "../lookup.ts";
import {
  encodeRecord,
  KadCall,
  type KadRequest,
  keyMultihash,
  type WirePeer,
} from "../message.ts";
import type { PublishEntry } from "../node_options.ts";
import { rememberedGroups, spread } from "../peer_groups.ts";
import {
  type Dialer,
  requestNearest,
  type RequestOptions,
  requestPeer,
} from "./request.ts";

/** From dialling to the answer: on a WAN five round trips. */
export const REQUEST_TIMEOUT_MS = 4000;

/** What is announced of one key. */
export interface Announcement {
  /** Sent to the nodes nearest to the key; undefined: no value is stored. */
  readonly record: KadRequest | undefined;
  /** Sent to the nodes nearest to the key's multihash. */
  readonly provider: KadRequest;
  /**
   * Called whenever a node has said that it keeps the record, or without one
   * was told of the provider.
   */
  readonly onStored: () => void;
}

/** What to announce, to which nodes, and how. */
export interface AnnounceOptions
  extends Announcement, Omit<RequestOptions, "timeoutMs"> {
  /** Sends requests. */
  readonly node: Dialer;
  /** Nodes to start from. */
  readonly seeds: readonly Contact[];
}

/**
 * What others are told of a value.
 *
 * @param provider this node
 * @param keepsValues whether they keep it, too, and not only where it is had
 */
export function announcement(
  { key, value, onStored = () => {} }: PublishEntry,
  { ttlSeconds, receivedAtMs, provider, keepsValues }: {
    readonly ttlSeconds: number;
    readonly receivedAtMs: number;
    readonly provider: WirePeer;
    readonly keepsValues: boolean;
  },
): Announcement {
  const bytes = new TextEncoder().encode(key);
  const record = () =>
    encodeRecord({ key: bytes, value, ttlSeconds, receivedAtMs });
  return {
    record: keepsValues
      ? { call: KadCall.putValue, key: bytes, record: record() }
      : undefined,
    provider: { call: KadCall.addProvider, key: keyMultihash(bytes), provider },
    onStored,
  };
}

/**
 * Stores a record with the nodes nearest to its key, and the provider with
 * those nearest to its multihash. Each node is told as soon as it proves to be
 * one of the nearest so far, not when the look-up has ended: silent nodes would
 * delay everything by their timeout. So a few nodes more than necessary keep
 * it, which does no harm. Of one group of hosts only the nearest are told while
 * there are others.
 */
export async function announceTo(
  options: AnnounceOptions,
): Promise<AnnounceOutcome> {
  const seen: Seen = { reached: new Set(), failures: new Set() };
  const { record, provider, onStored } = options;
  const [storedAt, providedAt] = await Promise.all(
    record === undefined
      ? [0, tellNearest(provider, options, seen, onStored)]
      : [
        tellNearest(record, options, seen, onStored),
        tellNearest(provider, options, seen),
      ],
  );
  return {
    reached: seen.reached.size,
    storedAt,
    providedAt,
    failures: [...seen.failures],
  };
}

/** What came of the questions. */
interface Seen {
  /** Peer ids of the nodes that answered. */
  readonly reached: Set<string>;
  /** Why others did not. */
  readonly failures: Set<string>;
}

/** @returns how many nodes were told */
async function tellNearest(
  request: KadRequest,
  { node, seeds, ...how }: AnnounceOptions,
  { reached, failures }: Seen,
  onTold: () => void = () => {},
): Promise<number> {
  const options = { ...how, timeoutMs: REQUEST_TIMEOUT_MS };
  const tell = async (to: Contact): Promise<boolean> => {
    const answer = await requestPeer(node, to, request, options);
    if (answer.ok) onTold();
    else failures.add(answer.reason);
    return answer.ok;
  };
  const question = { call: KadCall.findNode, key: request.key };
  const nearest: { distance: Uint8Array; group: string }[] = [];
  const group = rememberedGroups();
  const telling: Promise<boolean>[] = [];
  for await (
    const step of requestNearest(node, seeds, question, options)
  ) {
    if (step.kind === "failure") {
      failures.add(step.reason);
      continue;
    }
    reached.add(step.answer.from.id);
    const { distance, answer: { from, host = from.id } } = step;
    const one = { distance, group: group(host) };
    nearest.push(one);
    nearest.sort((a, b) => compare(a.distance, b.distance));
    if (spread(nearest, ({ group }) => group).includes(one)) {
      telling.push(tell(from));
    }
  }
  return (await Promise.all(telling)).filter((isTold) => isTold).length;
}
