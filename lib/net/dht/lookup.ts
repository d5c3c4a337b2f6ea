import { createHash } from "node:crypto";
import { compare } from "uint8arrays/compare";
import { xor } from "uint8arrays/xor";
import type { Clock } from "../../core/clock.ts";
import type { Result } from "../../core/result.ts";

/** A node, as another node named it or as it answered. */
export interface KadPeer {
  /** Peer id as text. */
  readonly id: string;
  /** The bytes of the peer id, whose SHA-256 is its place in the key space. */
  readonly multihash: Uint8Array;
  /** Multiaddrs without the peer id. */
  readonly addresses: readonly string[];
}

/** Where to ask: a peer, or the multiaddr of one whose id may be unknown. */
export type Contact = KadPeer | string;

/** What one node said. */
export interface PeerAnswer {
  /** Who it was: proven by the encrypted channel, not claimed. */
  readonly from: KadPeer;
  /** What it keeps under the key; untrusted. */
  readonly value?: Uint8Array;
  /** Nodes it knows nearer to the key. */
  readonly closer: readonly KadPeer[];
  /** Nodes that told it that they provide the key. */
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
    /** From the key, by XOR: the bytes of a big-endian number. */
    readonly distance: Uint8Array;
  }
  | {
    readonly kind: "failure";
    /** Peer id or multiaddr. */
    readonly at: string;
    readonly reason: string;
  };

/** How far a look-up goes, unless it is told otherwise. */
export const LOOKUP_LIMITS = {
  /** Ends when this many of the nearest have answered. */
  k: 20,
  /**
   * Nodes asked at once, as in the paper. Each costs an encrypted handshake,
   * which on a small board takes longer than the network does: all of those
   * begun together end together, late.
   */
  alpha: 3,
  /**
   * A question unanswered for so long no longer counts as one of `alpha`, so
   * that nodes that accept and stay silent do not hold up the others.
   */
  slowAfterMs: 250,
  /**
   * Questions open at once, slow ones included: more would choke a slow
   * machine, for which every node is slow.
   */
  maxOpen: 20,
  /** Nodes asked at most, whatever they name. */
  maxAsked: 256,
};

/** How far one look-up goes. */
export type LookupLimits = Readonly<Partial<typeof LOOKUP_LIMITS>>;

/** What a look-up is for. */
export interface LookupOptions {
  /** The bytes whose SHA-256 is the target. */
  readonly key: Uint8Array;
  /** The own peer id, never asked. */
  readonly self: string;
  /** How far it goes. */
  readonly limits?: LookupLimits;
}

/**
 * Decides whom to ask: the nodes nearest to a key, nearest first, and every
 * node that they name, until the k nearest have answered. This is the node
 * look-up of the Kademlia paper (Maymounkov and Mazières 2002, section 2.3).
 */
export class Lookup {
  readonly #target: Uint8Array;
  readonly #limits: typeof LOOKUP_LIMITS;
  readonly #known: Set<string>;
  readonly #answered = new Set<string>();
  /** Distances of those that answered, nearest first. */
  readonly #nearest: Uint8Array[] = [];
  /** Those to be asked yet, nearest first. */
  readonly #queue: {
    readonly contact: Contact;
    readonly distance: Uint8Array;
  }[] = [];
  /** Those that were asked and have not answered, and whether they are slow. */
  readonly #open = new Map<Contact, boolean>();
  #askedCount = 0;

  /** Knows no node at first. */
  constructor({ key, self, limits }: LookupOptions) {
    this.#target = sha256(key);
    this.#known = new Set([self]);
    this.#limits = { ...LOOKUP_LIMITS, ...limits };
  }

  /** Has a node asked, unless it is known already or cannot be dialled. */
  add(contact: Contact): void {
    const id = typeof contact === "string" ? contact : contact.id;
    if (this.#known.has(id)) return;
    if (typeof contact !== "string" && contact.addresses.length === 0) return;
    this.#known.add(id);
    // An address of unknown distance is a seed: it is asked before all others.
    const distance = typeof contact === "string"
      ? new Uint8Array(this.#target.length)
      : this.#distanceOf(contact);
    const at = this.#queue.findIndex((e) => compare(distance, e.distance) < 0);
    this.#queue.splice(at < 0 ? this.#queue.length : at, 0, {
      contact,
      distance,
    });
  }

  /** The node to ask now; undefined: none before another answer. */
  next(): Contact | undefined {
    const { k, alpha, maxOpen, maxAsked } = this.#limits;
    const slow = [...this.#open.values()].filter((isSlow) => isSlow).length;
    if (
      this.#open.size - slow >= alpha || this.#open.size >= maxOpen ||
      this.#askedCount >= maxAsked
    ) return undefined;
    const next = this.#queue.shift();
    if (next === undefined) return undefined;
    const bound = this.#nearest[k - 1];
    if (bound && compare(next.distance, bound) > 0) {
      this.#queue.length = 0;
      return undefined;
    }
    this.#open.set(next.contact, false);
    this.#askedCount++;
    return next.contact;
  }

  /** A node that was asked has been silent for `slowAfterMs`. */
  slowed(contact: Contact): void {
    if (this.#open.has(contact)) this.#open.set(contact, true);
  }

  /**
   * Takes what became of a question.
   *
   * @returns what is to be told; undefined when the node answered before,
   * under another address
   */
  took(contact: Contact, result: Result<PeerAnswer>): LookupStep | undefined {
    this.#open.delete(contact);
    if (!result.ok) {
      const at = typeof contact === "string" ? contact : contact.id;
      return { kind: "failure", at, reason: result.reason };
    }
    const answer = result.value;
    if (this.#answered.has(answer.from.id)) return undefined;
    this.#answered.add(answer.from.id);
    this.#known.add(answer.from.id);
    const distance = this.#distanceOf(answer.from);
    this.#nearest.push(distance);
    this.#nearest.sort(compare);
    for (const peer of answer.closer) this.add(peer);
    return { kind: "answer", answer, distance };
  }

  /** Whether all questions are answered: `next` has no node left then. */
  get isOver(): boolean {
    return this.#open.size === 0;
  }

  #distanceOf({ multihash }: KadPeer): Uint8Array {
    return xor(sha256(multihash), this.#target);
  }
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

function sha256(bytes: Uint8Array): Uint8Array {
  return createHash("sha256").update(bytes).digest();
}
