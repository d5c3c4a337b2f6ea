import { compare } from "uint8arrays/compare";
import { xor } from "uint8arrays/xor";
import type { KadPeer } from "./contact.ts";
import { sha256 } from "./message.ts";
import { K, spread } from "./peer_groups.ts";

/** A node that has answered. */
export interface RegionNode {
  /** Where it can be asked again. */
  readonly peer: KadPeer;
  /**
   * The group of its host: only a share is chosen from one group while there
   * are others.
   */
  readonly group: string;
}

interface PlacedNode extends RegionNode {
  readonly place: Uint8Array;
  /** The same, bit by bit. */
  readonly bits: string;
}

/** What has to be looked up before the nodes nearest to a place are known. */
export interface Gap {
  /**
   * The prefix of keys that no look-up has covered; undefined: the place
   * itself.
   */
  readonly prefix: string | undefined;
  /** The keys that are served by it, likewise. */
  readonly region: string;
}

/** More than any network has levels. */
const MAX_BITS = 48;

/**
 * Knows in which regions of the key space all nodes are known, so that one
 * look-up serves all keys of a region. A region is a prefix of the places, which
 * are SHA-256 digests, as bits.
 *
 * A look-up ends when the k nearest nodes have answered. So of all nodes that
 * are nearer to its key than the last of these, by a whole bit, it has met each:
 * it covers the region that begins with one bit more than the key and that last
 * node have in common. The region beside it has the rest of the k.
 */
export class KeyRegions {
  readonly #nodes = new Map<string, PlacedNode>();
  readonly #covered = new Set<string>();

  /** Takes a node that has answered, wherever it is. */
  met(node: RegionNode): void {
    if (this.#nodes.has(node.peer.id)) return;
    const place = sha256(node.peer.multihash);
    this.#nodes.set(node.peer.id, { ...node, place, bits: bitsOf(place) });
  }

  /** Takes that a node does not answer any more. */
  lost(peerId: string): void {
    this.#nodes.delete(peerId);
  }

  /**
   * Takes that a look-up has ended, all of whose answers were taken before.
   *
   * @param place what it was for
   */
  explored(place: Uint8Array): void {
    const nearest = this.nearest(place);
    const last = nearest.length < K ? undefined : nearest.at(-1);
    const bits = bitsOf(place);
    const length = last === undefined
      ? 0
      : commonLength(bits, bitsOf(sha256(last.peer.multihash))) + 1;
    this.#cover(bits.slice(0, length));
  }

  /** The k known nodes nearest to a place, nearest first. */
  nearest(place: Uint8Array): RegionNode[] {
    const sorted = this.#near(bitsOf(place))
      .map((node) => ({ node, distance: xor(node.place, place) }))
      .sort((a, b) => compare(a.distance, b.distance))
      .map(({ node }) => node);
    return spread(sorted, ({ group }) => group);
  }

  /** What has to be looked up first for a place; undefined: nothing. */
  gap(place: Uint8Array): Gap | undefined {
    const bits = bitsOf(place);
    const covered = this.#coveredPart(bits);
    if (covered === undefined) return { prefix: undefined, region: bits };
    if (covered === "" || this.#count(covered) >= K) return undefined;
    return {
      prefix: this.#uncovered(beside(covered)),
      region: covered.slice(0, -1),
    };
  }

  /**
   * The nodes of the smallest region around a place that holds plenty of them.
   */
  #near(bits: string): PlacedNode[] {
    const byCommon: PlacedNode[][] = [];
    for (const node of this.#nodes.values()) {
      (byCommon[commonLength(bits, node.bits)] ??= []).push(node);
    }
    const near: PlacedNode[] = [];
    for (let i = byCommon.length - 1; i >= 0 && near.length < 4 * K; i--) {
      near.push(...byCommon[i] ?? []);
    }
    return near;
  }

  /** Two halves of a region are the region. */
  #cover(prefix: string): void {
    if (this.#coveredPart(prefix) !== undefined) return;
    for (const one of this.#covered) {
      if (one.startsWith(prefix)) this.#covered.delete(one);
    }
    const isWhole = prefix !== "" && this.#covered.delete(beside(prefix));
    if (isWhole) this.#cover(prefix.slice(0, -1));
    else this.#covered.add(prefix);
  }

  /** The covered region that a place is in. */
  #coveredPart(bits: string): string | undefined {
    for (let length = 0; length <= bits.length; length++) {
      const prefix = bits.slice(0, length);
      if (this.#covered.has(prefix)) return prefix;
    }
    return undefined;
  }

  /** The first part of a region, itself not covered, of which nothing is. */
  #uncovered(prefix: string): string {
    const isPartly = this.#covered.values()
      .some((one) => one.startsWith(prefix));
    if (!isPartly) return prefix;
    const half = prefix + "0";
    return this.#uncovered(
      this.#coveredPart(half) === undefined ? half : beside(half),
    );
  }

  #count(prefix: string): number {
    return this.#nodes.values()
      .reduce((sum, { bits }) => sum + Number(bits.startsWith(prefix)), 0);
  }
}

/** The bits that a place begins with. */
export function bitsOf(place: Uint8Array): string {
  return Array.from(
    place.subarray(0, MAX_BITS / 8),
    (byte) => byte.toString(2).padStart(8, "0"),
  ).join("");
}

/** A key whose place begins with some bits: twice as many tries for each. */
export function keyIn(prefix: string): Uint8Array {
  for (let i = 0;; i++) {
    const key = new TextEncoder().encode(`${prefix}/${i}`);
    if (bitsOf(sha256(key)).startsWith(prefix)) return key;
  }
}

/** A region's other half, of that which is one bit larger. */
function beside(prefix: string): string {
  return prefix.slice(0, -1) + (prefix.endsWith("0") ? "1" : "0");
}

function commonLength(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return Math.min(length, MAX_BITS - 1);
}
