import { compare } from "uint8arrays/compare";
import { xor } from "uint8arrays/xor";
import type { Clock } from "../../core/clock.ts";
import type { Result } from "../../core/result.ts";
import type { Contact, KadPeer } from "./contact.ts";
import { sha256 } from "./message.ts";
import {
  type Bounds,
  boundsOf,
  type Candidate,
  insert,
  isBefore,
  newCandidate,
  type Path,
  type Turn,
} from "./lookup_paths.ts";
import { K, shareOf } from "./peer_groups.ts";

/** What a look-up asks. */
export type { Contact, KadPeer };

/** What one node said. */
export interface PeerAnswer {
  /** The peer as proven by the encrypted channel, not as claimed. */
  readonly from: KadPeer;
  /** The IP address that it answered from. @default that of its contact */
  readonly host?: string;
  /** What it keeps under the key; untrusted. */
  readonly value?: Uint8Array;
  /** When that came to it, by its own clock: milliseconds since 1970. */
  readonly receivedAtMs?: number;
  /** Nodes it knows nearer to the key. */
  readonly closer: readonly KadPeer[];
  /** Nodes that announced to it that they provide the key. */
  readonly providers: readonly KadPeer[];
}

/** Puts the question to one node; bounds its own time and never throws. */
export type Ask = (
  to: Contact,
  options: { readonly signal: AbortSignal },
) => Promise<Result<PeerAnswer>>;

/** One step of a look-up. */
export type LookupStep =
  | {
    readonly kind: "answer";
    readonly answer: PeerAnswer;
    /** The XOR distance from the key: the bytes of a big-endian number. */
    readonly distance: Uint8Array;
  }
  | {
    readonly kind: "failure";
    /** Peer id or multiaddr. */
    readonly at: string;
    readonly reason: string;
  };

/** The default limits of a look-up. */
export const LOOKUP_LIMITS = {
  /** Ends when this many of the nearest have answered. */
  k: K,
  /**
   * Nodes asked at once, as in the paper. Each costs an encrypted handshake,
   * which on a small board takes longer than the network does: all of those
   * begun together end together, late.
   */
  alpha: 3,
  /**
   * A question unanswered for this long no longer counts as one of `alpha`, so
   * that nodes that accept and stay silent do not hold up the others.
   */
  slowAfterMs: 250,
  /**
   * Questions open at once, slow ones included: more would choke a slow
   * machine, for which every node is slow.
   */
  maxOpen: 20,
  /** Open questions per path: the others must find room beside silent nodes. */
  maxOpenOfPath: 10,
  /** Nodes asked at most, whatever they name. */
  maxAsked: 512,
  /** Nodes asked per path. */
  maxAskedOfPath: 96,
};

/** How far one look-up goes. */
export type LookupLimits = Readonly<Partial<typeof LOOKUP_LIMITS>>;

/** The purpose of a look-up. */
export interface LookupOptions {
  /** The bytes whose SHA-256 is the target. */
  readonly key: Uint8Array;
  /** The own peer id, never asked. */
  readonly self: string;
  /** Which hosts are probably run by one operator. */
  readonly groupOf?: ((host: string) => string) | undefined;
  /** How far it goes. */
  readonly limits?: LookupLimits;
}

/** Paths of a look-up that begins at fewer nodes, or at nodes known before. */
const PATHS = 4;
/**
 * As many as an honest node names, and one that was asked for by its id; of a
 * node to begin with all that it names are taken, in case it is the only one.
 */
const MAX_NAMED = K + 1;

/**
 * Decides whom to ask: the nodes nearest to a key, and every node that they
 * name, until the k nearest have answered. This is the node look-up of the
 * Kademlia paper (Maymounkov and Mazières 2002, section 2.3), with two rules
 * against those who name, or are, many nodes:
 *
 * - It goes by several paths (S/Kademlia, Baumgart and Mies 2007, section 4.4),
 *   one for each address that it begins with, and asks each node once. Each
 *   path ends by itself. They take turns, the one with the fewest unanswered
 *   questions first: who names nodes that are not there delays his own path.
 * - Of one group of hosts no more than a quarter of the k nearest are asked
 *   while there are others.
 */
export class Lookup {
  readonly #target: Uint8Array;
  readonly #limits: typeof LOOKUP_LIMITS;
  readonly #groupOf: (host: string) => string;
  readonly #self: string;
  /** By peer id, or by the address that it began with. */
  readonly #candidates = new Map<string, Candidate>();
  readonly #paths: Path[] = [];
  /** Nodes that were asked and have not answered, each with its path. */
  readonly #open = new Map<Candidate, Path>();
  #seedCount = 0;
  #askedCount = 0;

  constructor({ key, self, groupOf = (host) => host, limits }: LookupOptions) {
    this.#target = sha256(key);
    this.#self = self;
    this.#groupOf = groupOf;
    this.#limits = { ...LOOKUP_LIMITS, ...limits };
  }

  /**
   * Has a node asked that the look-up begins with: an address on a path of its
   * own, nodes that are known already on a few.
   */
  add(contact: Contact): void {
    const isOwn = typeof contact === "string" || this.#paths.length < PATHS;
    const path = isOwn ? this.#newPath() : this.#paths[this.#seedCount % PATHS];
    this.#seedCount++;
    if (path !== undefined) this.#name(contact, path);
  }

  /** The node to ask now; undefined: none before another answer. */
  next(): Contact | undefined {
    const { alpha, maxOpen, maxAsked } = this.#limits;
    const quick = [...this.#open.keys()].filter((c) => c.state === "open");
    if (
      quick.length >= alpha || this.#open.size >= maxOpen ||
      this.#askedCount >= maxAsked
    ) return undefined;
    const turn = this.#nextTurn();
    if (turn === undefined) return undefined;
    // The others may name nodes of further groups yet.
    const mayName = quick.some(({ isSurplus }) => !isSurplus);
    return turn.isSurplus && mayName ? undefined : this.#ask(turn);
  }

  /** A node that was asked has been silent for `slowAfterMs`. */
  slowed(contact: Contact): void {
    const candidate = this.#candidates.get(idOf(contact));
    if (candidate?.state === "open") candidate.state = "slow";
  }

  /**
   * Takes the result of a question.
   *
   * @returns what is to be told; undefined when the node answered before,
   * under another address
   */
  took(contact: Contact, result: Result<PeerAnswer>): LookupStep | undefined {
    const candidate = this.#candidates.get(idOf(contact));
    const path = candidate && this.#open.get(candidate);
    if (candidate === undefined || path === undefined) return undefined;
    this.#open.delete(candidate);
    path.open--;
    if (!result.ok) {
      // The node that named it first may have lied about where it is.
      const isUntried = [...candidate.offers.values()].some((offer) =>
        addressesOf(offer).some((address) => !candidate.tried.has(address))
      );
      candidate.state = isUntried ? "waiting" : "done";
      return { kind: "failure", at: idOf(contact), reason: result.reason };
    }
    path.unanswered--;
    candidate.state = "done";
    return this.#tookAnswer(contact, result.value, path);
  }

  /** Whether all questions are answered: `next` has no node left then. */
  get isOver(): boolean {
    return this.#open.size === 0;
  }

  #tookAnswer(
    contact: Contact,
    answer: PeerAnswer,
    path: Path,
  ): LookupStep | undefined {
    const { from, host = hostOf(addressesOf(contact)[0]) } = answer;
    const distance = this.#distanceOf(from);
    const known = this.#candidates.get(from.id);
    if (known?.answered !== undefined) return undefined;
    const peer = known ?? newCandidate(distance);
    this.#candidates.set(from.id, peer);
    if (peer.state === "waiting") peer.state = "done";
    peer.answered = { distance, group: this.#groupOf(host) };
    for (const one of new Set([path, ...peer.offers.keys()])) {
      insert(one.answered, peer.answered);
    }
    const branches = this.#branches(contact, path);
    const nearest = answer.closer
      .map((named) => ({ named, distance: this.#distanceOf(named) }))
      .sort((a, b) => compare(a.distance, b.distance))
      .slice(0, typeof contact === "string" ? undefined : MAX_NAMED);
    for (const [i, { named }] of nearest.entries()) {
      this.#name(named, branches[i % branches.length] ?? path);
    }
    return { kind: "answer", answer, distance };
  }

  /** Where there are few addresses to begin with, the first answers branch. */
  #branches(contact: Contact, path: Path): Path[] {
    const branches = [path];
    if (typeof contact !== "string") return branches;
    while (this.#paths.length < PATHS) branches.push(this.#newPath());
    return branches;
  }

  #newPath(): Path {
    const path = { asked: 0, unanswered: 0, open: 0, answered: [] };
    this.#paths.push(path);
    return path;
  }

  #name(contact: Contact, path: Path): void {
    const id = idOf(contact);
    const addresses = addressesOf(contact);
    if (id === this.#self || addresses.length === 0) return;
    // An address of unknown distance is a seed: it is asked before all others.
    const candidate = this.#candidates.get(id) ?? newCandidate(
      typeof contact === "string"
        ? new Uint8Array(this.#target.length)
        : this.#distanceOf(contact),
    );
    if (candidate.offers.has(path)) return;
    this.#candidates.set(id, candidate);
    candidate.offers.set(path, contact);
    if (candidate.answered) insert(path.answered, candidate.answered);
    // What an operator names is no stranger's: it counts once it has answered.
    if (typeof contact === "string") return;
    for (const address of addresses) {
      candidate.groups.add(this.#groupOf(hostOf(address)));
    }
  }

  #nextTurn(): Turn | undefined {
    const counts = this.#groupCounts();
    const share = shareOf(this.#limits.k);
    const bounds = new Map<Path, Bounds>();
    let best: Turn | undefined;
    for (const candidate of this.#candidates.values()) {
      if (candidate.state !== "waiting") continue;
      const isSurplus = [...candidate.groups].some((group) =>
        (counts.get(group) ?? 0) >= share
      );
      for (const path of candidate.offers.keys()) {
        if (!this.#hasRoom(path)) continue;
        const turn = { candidate, path, isSurplus };
        if (best !== undefined && !isBefore(turn, best)) continue;
        const ofPath = bounds.get(path) ?? boundsOf(path, this.#limits.k);
        bounds.set(path, ofPath);
        const bound = isSurplus ? ofPath.surplus : ofPath.regular;
        if (bound && compare(candidate.distance, bound) > 0) continue;
        best = turn;
      }
    }
    return best;
  }

  #ask({ candidate, path, isSurplus }: Turn): Contact | undefined {
    const contact = candidate.offers.get(path);
    if (contact === undefined) return undefined;
    for (const address of addressesOf(contact)) candidate.tried.add(address);
    candidate.state = "open";
    candidate.isSurplus = isSurplus;
    this.#open.set(candidate, path);
    this.#askedCount++;
    path.asked++;
    path.open++;
    path.unanswered++;
    return contact;
  }

  #hasRoom({ open, asked }: Path): boolean {
    const { maxOpenOfPath, maxAskedOfPath } = this.#limits;
    return open < maxOpenOfPath && asked < maxAskedOfPath;
  }

  /** How many of each group have answered, or are asked. */
  #groupCounts(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const { answered, groups, state } of this.#candidates.values()) {
      const isOpen = state === "open" || state === "slow";
      const counted = answered ? [answered.group] : isOpen ? groups : [];
      for (const group of counted) {
        counts.set(group, (counts.get(group) ?? 0) + 1);
      }
    }
    return counts;
  }

  #distanceOf({ multihash }: KadPeer): Uint8Array {
    return xor(sha256(multihash), this.#target);
  }
}

function idOf(contact: Contact): string {
  return typeof contact === "string" ? contact : contact.id;
}

function addressesOf(contact: Contact): readonly string[] {
  return typeof contact === "string" ? [contact] : contact.addresses;
}

/** The IP address or name that a multiaddr begins with. */
function hostOf(address = ""): string {
  return address.split("/")[2] ?? "";
}

/**
 * Asks as {@linkcode Lookup} decides, and yields what comes of it.
 *
 * kad-dht has a look-up of its own, which leaves out nodes farther from the key
 * than the one that named them, and all that were named along with an invalid
 * record: in a small network either can hide a record (see
 * tests/net/dht/lookup_compared_test.ts).
 */
export async function* lookUp(
  { seeds, ask, clock, signal, ...options }: LookupOptions & {
    readonly seeds: readonly Contact[];
    readonly ask: Ask;
    readonly clock: Clock;
    readonly signal: AbortSignal;
  },
): AsyncGenerator<LookupStep, void, undefined> {
  const lookup = new Lookup(options);
  const { slowAfterMs } = { ...LOOKUP_LIMITS, ...options.limits };
  const steps: LookupStep[] = [];
  let wake = Promise.withResolvers<void>();
  const over = new AbortController();
  const anySignal = AbortSignal.any([signal, over.signal]);
  anySignal.addEventListener("abort", () => wake.resolve());
  const start = async (contact: Contact) => {
    const cancel = clock.setTimer(() => {
      lookup.slowed(contact);
      wake.resolve();
    }, slowAfterMs);
    const result = await ask(contact, { signal: anySignal });
    cancel();
    const step = lookup.took(contact, result);
    if (step !== undefined) steps.push(step);
    wake.resolve();
  };
  try {
    for (const seed of seeds) lookup.add(seed);
    while (!signal.aborted) {
      for (let to = lookup.next(); to !== undefined; to = lookup.next()) {
        void start(to);
      }
      const step = steps.shift();
      if (step !== undefined) yield step;
      else if (lookup.isOver) return;
      else {
        wake = Promise.withResolvers();
        await wake.promise;
      }
    }
  } finally {
    over.abort();
  }
}
