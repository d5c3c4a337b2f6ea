import { compare } from "uint8arrays/compare";
import type { AnnounceOutcome } from "../announce_outcome.ts";
import type { Contact } from "../contact.ts";
import { bitsOf, keyIn, KeyRegions, type RegionNode } from "../key_regions.ts";
import type { Announcement } from "./announce.ts";
import { type Ask, lookUp } from "../lookup.ts";
import { KadCall, type KadRequest, sha256 } from "../message.ts";
import { rememberedGroups } from "../peer_groups.ts";
import { refuse, type Result } from "../../../core/result.ts";
import { type Dialer, type RequestOptions, requestPeer } from "./request.ts";
import { type Message, tellNode } from "./tell_node.ts";

/** How to sweep, and through which nodes. */
export interface SweepOptions extends RequestOptions {
  /** Sends requests. */
  readonly node: Dialer;
  /** Nodes to start from. */
  readonly seeds: readonly Contact[];
}

/** Nodes told at once: each may take a handshake. */
const MAX_SENDERS = 8;
/** Keys of a region from which on it is cheaper to know all of its nodes. */
const MIN_SHARED = 3;
/** Look-ups before the nodes nearest to one key are taken as known. */
const MAX_LOOKUPS = 8;
/** Finding a key in a region takes about 2 to this power tries. */
const MAX_PREFIX_BITS = 16;
/** Nodes tried for a key of which some are gone. */
const MAX_TRIED = 30;

/** A request that is for the nodes nearest to its key. */
interface Target {
  readonly request: KadRequest;
  readonly place: Uint8Array;
  readonly bits: string;
  /** Peer ids of those that are told, or were. */
  readonly tried: Set<string>;
  readonly onTold: () => void;
  toldCount: number;
  readonly failures: Set<string>;
}

/**
 * Announces many keys together, in the order of their places in the key space:
 * all keys of a region are told to the nodes that a few look-ups have shown to
 * be there, and each node is told all that is for it at once. Compare the sweep
 * of kubo (go-libp2p-kad-dht, package provider).
 *
 * @returns for each entry what became of it
 */
export async function sweep(
  entries: readonly Announcement[],
  options: SweepOptions,
): Promise<AnnounceOutcome[]> {
  const run = new Sweep(options);
  const targets = entries.map(({ record, provider, onStored }) => ({
    record: record && newTarget(record, onStored),
    provider: newTarget(provider, record === undefined ? onStored : () => {}),
  }));
  await run.announce(
    targets.flatMap(({ record, provider }) =>
      record === undefined ? [provider] : [record, provider]
    ),
  );
  return targets.map(({ record, provider }) => ({
    reached: run.reachedCount,
    storedAt: record?.toldCount ?? 0,
    providedAt: provider.toldCount,
    failures: [
      ...new Set([
        ...run.failures,
        ...record?.failures ?? [],
        ...provider.failures,
      ]),
    ],
  }));
}

function newTarget(request: KadRequest, onTold: () => void): Target {
  const place = sha256(request.key);
  return {
    ...{ request, place, bits: bitsOf(place), onTold },
    tried: new Set(),
    toldCount: 0,
    failures: new Set(),
  };
}

/** One sweep over the key space. */
class Sweep {
  /** Why nodes that were asked did not answer. */
  readonly failures = new Set<string>();
  readonly #options: SweepOptions;
  readonly #regions = new KeyRegions();
  readonly #groupOf = rememberedGroups();
  /** Peer ids of the nodes that answered. */
  readonly #reached = new Set<string>();
  /** Why others did not, by the address or id by which they were asked. */
  readonly #silent = new Map<string, Result<never>>();
  /** By peer id: what each node has yet to be told. */
  readonly #queues = new Map<string, { to: RegionNode; targets: Target[] }>();
  readonly #senders = new Set<Promise<void>>();
  readonly #sending = new Set<string>();

  constructor(options: SweepOptions) {
    this.#options = options;
  }

  /** Nodes that answered. */
  get reachedCount(): number {
    return this.#reached.size;
  }

  /** Tells the nodes nearest to each; returns once all were told. */
  async announce(targets: readonly Target[]): Promise<void> {
    const sorted = targets.toSorted((a, b) => compare(a.place, b.place));
    for (const [i, target] of sorted.entries()) {
      if (this.#regions.gap(target.place) !== undefined) {
        this.#send();
        await this.#explore(target, sorted.slice(i));
      }
      this.#tellNearest(target);
    }
    this.#send();
    while (this.#senders.size > 0) await Promise.race(this.#senders);
  }

  /** Looks up what is needed to know the nodes nearest to a target. */
  async #explore(target: Target, left: readonly Target[]): Promise<void> {
    for (let i = 0; i < MAX_LOOKUPS; i++) {
      const gap = this.#regions.gap(target.place);
      if (gap === undefined) return;
      const { prefix = target.bits, region } = gap;
      const served = left.filter(({ bits }) => bits.startsWith(region)).length;
      const isShared = served >= MIN_SHARED &&
        prefix.length <= MAX_PREFIX_BITS;
      await this.#lookUp(isShared ? keyIn(prefix) : target.request.key);
      if (!isShared) return;
    }
  }

  async #lookUp(key: Uint8Array): Promise<void> {
    const { node, seeds, ...options } = this.#options;
    const request = { call: KadCall.findNode, key };
    const ask: Ask = async (to, { signal }) => {
      const id = typeof to === "string" ? to : to.id;
      const silent = this.#silent.get(id);
      if (silent !== undefined) return silent;
      const answer = await requestPeer(node, to, request, {
        ...options,
        signal,
      });
      if (!answer.ok && !options.signal.aborted) this.#silent.set(id, answer);
      return answer;
    };
    const self = node.peerId.toString();
    const { clock, signal } = options;
    for await (
      const step of lookUp({
        ...{ key, self, seeds, ask, clock, signal },
        groupOf: this.#groupOf,
      })
    ) {
      if (step.kind === "failure") {
        this.failures.add(step.reason);
        continue;
      }
      const { from: peer, host = peer.id } = step.answer;
      this.#reached.add(peer.id);
      this.#regions.met({ peer, group: this.#groupOf(host) });
    }
    this.#regions.explored(sha256(key));
  }

  #tellNearest(target: Target): void {
    for (const to of this.#regions.nearest(target.place)) {
      const { id } = to.peer;
      if (target.tried.has(id) || target.tried.size >= MAX_TRIED) continue;
      target.tried.add(id);
      const queue = this.#queues.get(id) ?? { to, targets: [] };
      queue.targets.push(target);
      this.#queues.set(id, queue);
    }
  }

  /** Begins to tell those nodes that are not being told anything. */
  #send(): void {
    for (const [id, { to, targets }] of this.#queues) {
      if (this.#senders.size >= MAX_SENDERS) return;
      if (this.#sending.has(id)) continue;
      this.#queues.delete(id);
      this.#sending.add(id);
      const sender: Promise<void> = this.#tell(to, targets).then(() => {
        this.#sending.delete(id);
        this.#senders.delete(sender);
        this.#send();
      });
      this.#senders.add(sender);
    }
  }

  async #tell(
    { peer }: RegionNode,
    targets: readonly Target[],
  ): Promise<void> {
    const { node, ...options } = this.#options;
    const messages = targets.map((target): Message => ({
      request: target.request,
      onTold(result) {
        if (!result.ok) {
          target.failures.add(result.reason);
          return;
        }
        target.toldCount++;
        target.onTold();
      },
    }));
    if (await tellNode(node, peer, messages, options)) return;
    // It was there a moment ago: those next to it are told in its place.
    this.#regions.lost(peer.id);
    this.#silent.set(peer.id, refuse("it has gone"));
    for (const target of targets) this.#tellNearest(target);
  }
}
