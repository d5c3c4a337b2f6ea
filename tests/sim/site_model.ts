import { compare } from "uint8arrays/compare";
import { xor } from "uint8arrays/xor";
import type { Clock } from "../../lib/core/clock.ts";
import { ok, refuse, type Result } from "../../lib/core/result.ts";
import {
  type Ask,
  type Contact,
  type KadPeer,
  lookUp,
  type PeerAnswer,
} from "../../lib/net/dht/lookup.ts";
import { sha256 } from "../../lib/net/dht/message.ts";
import { groupOf, K, spread } from "../../lib/net/dht/peer_groups.ts";

/** What is looked for. */
const KEY = new TextEncoder().encode("/phase/stable/arm64/manifest");
const VALUE = new TextEncoder().encode("a record");
/** From a site to where all of them meet, milliseconds one way. */
const MIN_DELAY_MS = 5;
const MAX_DELAY_MS = 60;
/** TCP, Noise, the muxer, the stream, and the question itself. */
const FIRST_ROUND_TRIPS = 6;
/** To the machine of the own LAN. */
const LAN_ROUND_TRIP_MS = 1;
/** Over a connection that is open. */
const NEXT_ROUND_TRIPS = 2;
/** Half of what a client gives a node: it may have a second address. */
const DEAD_AFTER_MS = 1500;

/** A site's node, or one that others join through. */
export interface ModelNode extends KadPeer {
  /** SHA-256 of its peer id. */
  readonly place: Uint8Array;
  readonly delayMs: number;
  /** Nodes that it knows, by how many bits their places have in common. */
  readonly buckets: Map<number, ModelNode[]>;
  isDead: boolean;
  keepsRecord: boolean;
}

/** A node, or a box, which knows one on its LAN. */
type Asker = Pick<ModelNode, "id" | "delayMs"> & {
  readonly neighbour?: ModelNode;
};

/** What a look-up came to. */
export interface ModelLookup {
  /** Until a record was there; undefined: there was none. */
  readonly foundAfterMs: number | undefined;
  /** Nodes that were asked until then. */
  readonly requests: number;
}

/**
 * Sites as a model: the look-ups are those of lib/net/dht, and so is what is
 * told to whom; paths, time and routing tables (a bucket of k for each bit, who
 * came first stays) are made up. Nothing has a processor that could be busy.
 */
export class SiteModel {
  readonly nodes: ModelNode[] = [];
  readonly #clock = new ModelClock();
  readonly #random: () => number;

  /** @param seed for the same network in every run */
  constructor(seed: number) {
    this.#random = pseudoRandom(seed);
  }

  /** Adds a node, which looks for its neighbours through others. */
  async join(through: readonly ModelNode[]): Promise<ModelNode> {
    const digest = Uint8Array.from({ length: 32 }, () => this.#random() * 256);
    const multihash = Uint8Array.of(0x12, 0x20, ...digest);
    const site = this.nodes.length;
    const node: ModelNode = {
      id: digest.toHex(),
      multihash,
      addresses: [`/ip4/10.${site >> 8}.${site & 255}.1/tcp/4001`],
      place: sha256(multihash),
      delayMs: MIN_DELAY_MS + this.#random() * (MAX_DELAY_MS - MIN_DELAY_MS),
      buckets: new Map(),
      isDead: false,
      keepsRecord: false,
    };
    this.nodes.push(node);
    await this.#run(this.#ask(node, through, multihash, () => false));
    return node;
  }

  /** Has the nodes nearest to the key keep a record of a node; how many do. */
  async publish(node: ModelNode): Promise<number> {
    const seeds = [...node.buckets.values()].flat();
    const answered: ModelNode[] = [];
    await this.#run(this.#ask(node, seeds, KEY, ({ from }) => {
      const one = this.#find(from);
      if (one !== undefined) answered.push(one);
      return false;
    }));
    const told = spread(nearestFirst(answered, KEY), groupOfNode);
    for (const one of told) one.keepsRecord = true;
    return told.length;
  }

  /** A box of a site asks the node of its LAN, and whom that leads to. */
  async lookUp(site: ModelNode): Promise<ModelLookup> {
    const startedMs = this.#clock.monotonic();
    const box = { id: "a box", delayMs: site.delayMs, neighbour: site };
    let foundAfterMs: number | undefined;
    const seeds = [`${site.addresses[0]}`];
    const requests = await this.#run(
      this.#ask(box, seeds, KEY, ({ value }) => {
        if (value === undefined) return false;
        foundAfterMs = this.#clock.monotonic() - startedMs;
        return true;
      }),
    );
    return { foundAfterMs, requests };
  }

  /** @returns how many questions were put, until `isEnough` or the end */
  async #ask(
    self: Asker,
    seeds: readonly Contact[],
    key: Uint8Array,
    isEnough: (answer: PeerAnswer) => boolean,
  ): Promise<number> {
    const open = new Set<ModelNode>();
    let requests = 0;
    const ask: Ask = async (to) => {
      requests++;
      const node = this.#find(to);
      if (node === undefined || node.isDead) {
        await this.#wait(DEAD_AFTER_MS);
        return refuse("no answer in time");
      }
      const roundTripMs = self.neighbour === node
        ? LAN_ROUND_TRIP_MS
        : 2 * (self.delayMs + node.delayMs);
      const trips = open.has(node) ? NEXT_ROUND_TRIPS : FIRST_ROUND_TRIPS;
      await this.#wait(trips * roundTripMs);
      open.add(node);
      return this.#answer(node, self, key);
    };
    const { signal } = new AbortController();
    const steps = lookUp({
      ...{ key, seeds, ask, clock: this.#clock, signal },
      self: self.id,
      groupOf: (host) => groupOf(host, []),
    });
    for await (const step of steps) {
      if (step.kind === "answer" && isEnough(step.answer)) break;
    }
    return requests;
  }

  /** As a node answers, which comes to know who asks where that is one, too. */
  #answer(
    node: ModelNode,
    asker: Asker,
    key: Uint8Array,
  ): Result<PeerAnswer> {
    const known = nearestFirst([...node.buckets.values()].flat(), key);
    const closer = spread(known, groupOfNode);
    if (isNode(asker)) {
      meet(node, asker);
      for (const one of [node, ...closer]) meet(asker, one);
    }
    return ok({
      from: node,
      closer,
      providers: [],
      ...node.keepsRecord && key === KEY && { value: VALUE },
    });
  }

  #find(contact: Contact): ModelNode | undefined {
    return this.nodes.find(({ id, addresses }) =>
      typeof contact === "string"
        ? addresses.includes(contact)
        : id === contact.id
    );
  }

  #wait(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.#clock.setTimer(resolve, delayMs));
  }

  /** Lets the model's time pass until something is over. */
  async #run<T>(work: Promise<T>): Promise<T> {
    let isOver = false;
    work.finally(() => isOver = true);
    while (!isOver) await this.#clock.next();
    return await work;
  }
}

/** Goes from one timer to the next, as soon as nothing else is to be done. */
class ModelClock implements Clock {
  #nowMs = 0;
  readonly #timers = new Map<() => void, number>();

  now(): number {
    return this.#nowMs;
  }

  monotonic(): number {
    return this.#nowMs;
  }

  setTimer(callback: () => void, delayMs: number): () => void {
    const timer = () => callback();
    this.#timers.set(timer, this.#nowMs + delayMs);
    return () => this.#timers.delete(timer);
  }

  async next(): Promise<void> {
    // What waits for promises alone goes on, which is longer than any chain.
    for (let i = 0; i < 64; i++) await Promise.resolve();
    let first: [() => void, number] | undefined;
    for (const timer of this.#timers) {
      if (first === undefined || timer[1] < first[1]) first = timer;
    }
    if (first === undefined) return;
    const [timer, dueMs] = first;
    this.#timers.delete(timer);
    this.#nowMs = Math.max(this.#nowMs, dueMs);
    timer();
  }
}

function isNode(asker: Asker): asker is ModelNode {
  return "buckets" in asker;
}

/** Has a node know another, where there is room. */
function meet(node: ModelNode, other: ModelNode): void {
  if (node === other) return;
  const at = node.place.findIndex((byte, i) => byte !== other.place[i]);
  const bits = at * 8 +
    Math.clz32((node.place[at] ?? 0) ^ (other.place[at] ?? 0)) - 24;
  const bucket = node.buckets.get(bits) ?? [];
  if (!bucket.includes(other) && bucket.length < K) bucket.push(other);
  node.buckets.set(bits, bucket);
}

function nearestFirst(
  nodes: readonly ModelNode[],
  key: Uint8Array,
): ModelNode[] {
  const target = sha256(key);
  return nodes.map((node) => ({ node, distance: xor(node.place, target) }))
    .sort((a, b) => compare(a.distance, b.distance)).map(({ node }) => node);
}

function groupOfNode({ addresses: [address = ""] }: ModelNode): string {
  return groupOf(address.split("/")[2] ?? "", []);
}

/** 0 to below 1 (mulberry32). */
function pseudoRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
