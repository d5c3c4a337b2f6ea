import { compare } from "uint8arrays/compare";
import type { Contact } from "./contact.ts";
import { shareOf, spread } from "./peer_groups.ts";

/** A node that was named. */
export interface Candidate {
  /** The distance from the key. */
  readonly distance: Uint8Array;
  /** Where to ask it, as named on each path. */
  readonly offers: Map<Path, Contact>;
  /** The groups of all addresses that it is said to have. */
  readonly groups: Set<string>;
  /** Where it was asked. */
  readonly tried: Set<string>;
  /** Slow: open for so long that others are asked beside it. */
  state: "waiting" | "open" | "slow" | "done";
  /** Whether it was asked although its group had its share. */
  isSurplus: boolean;
  /** Once it has answered. */
  answered?: Answered;
}

/** What one of the first nodes of a look-up has led to. */
export interface Path {
  /** Questions so far. */
  asked: number;
  /** Questions without an answer, those that are open included. */
  unanswered: number;
  /** Questions that are open. */
  open: number;
  /** The nodes named on it that have answered, on any path, nearest first. */
  readonly answered: Answered[];
}

/** A node that answered. */
export interface Answered {
  /** The distance from the key. */
  readonly distance: Uint8Array;
  /** The group of the address that it answered from. */
  readonly group: string;
}

/** A candidate that may be asked now. */
export interface Turn {
  readonly candidate: Candidate;
  readonly path: Path;
  /** Whether its group has had its share. */
  readonly isSurplus: boolean;
}

/** How far candidates may be from the key to be asked; undefined: no matter. */
export interface Bounds {
  /** The limit for nodes whose group has not had its share. */
  readonly regular: Uint8Array | undefined;
  /** The others. */
  readonly surplus: Uint8Array | undefined;
}

/** Nothing is nearer. */
const NEAREST = new Uint8Array(32);

/** A candidate that no path has named yet. */
export function newCandidate(distance: Uint8Array): Candidate {
  return {
    distance,
    offers: new Map(),
    groups: new Set(),
    tried: new Set(),
    /** Slow: open for so long that others are asked beside it. */
    state: "waiting",
    isSurplus: false,
  };
}

/**
 * How far a path still goes: to the farthest of the k nearest that have
 * answered, of which no group has more than its share while there are others.
 */
export function boundsOf({ answered }: Path, k: number): Bounds {
  const chosen = spread(answered, ({ group }) => group, k);
  const farthest = chosen.at(-1)?.distance;
  if (chosen.length < k) return { regular: undefined, surplus: undefined };
  const groups = Map.groupBy(chosen, ({ group }) => group);
  const surplus = [...groups.values()]
    .flatMap((ofGroup) => ofGroup.slice(shareOf(k)));
  // A node whose group has room comes before all whose group has exceeded its
  // share.
  if (surplus.length === 0) return { regular: farthest, surplus: NEAREST };
  return { regular: undefined, surplus: farthest };
}

/** Whether it is sooner the turn of `a`. */
export function isBefore(a: Turn, b: Turn): boolean {
  const difference = Number(a.isSurplus) - Number(b.isSurplus) ||
    a.path.unanswered - b.path.unanswered ||
    a.path.asked - b.path.asked ||
    compare(a.candidate.distance, b.candidate.distance);
  return difference < 0;
}

/**
 * Puts one that has answered in its place, once.
 *
 * @param sorted nearest first
 */
export function insert(sorted: Answered[], one: Answered): void {
  if (sorted.includes(one)) return;
  const at = sorted.findIndex((e) => compare(one.distance, e.distance) < 0);
  sorted.splice(at < 0 ? sorted.length : at, 0, one);
}
