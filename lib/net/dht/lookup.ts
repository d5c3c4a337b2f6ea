import { createHash } from "node:crypto";
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
    /** From the key, for `compareDistances`. */
    readonly distance: Uint8Array;
  }
  | {
    readonly kind: "failure";
    /** Peer id or multiaddr. */
    readonly at: string;
    readonly reason: string;
  };

/** How far a look-up goes. */
export interface LookupLimits {
  /** Ends when this many of the nearest have answered. @default 20 */
  readonly k?: number;
  /**
   * Nodes asked at once, as in the paper. Each costs an encrypted handshake,
   * which on a small board takes longer than the network does: all of those
   * begun together end together, late.
   *
   * @default 3
   */
  readonly alpha?: number;
  /**
   * A question unanswered for so long no longer counts as one of `alpha`, so
   * that nodes that accept and stay silent do not hold up the others.
   *
   * @default 250
   */
  readonly slowAfterMs?: number;
  /**
   * Questions open at once, slow ones included: more would choke a slow
   * machine, for which every node is slow.
   *
   * @default 20
   */
  readonly maxOpen?: number;
  /** Nodes asked at most, whatever they name. @default 256 */
  readonly maxAsked?: number;
}

/**
 * Asks the nodes nearest to `key`, nearest first, following every node they
 * name, until the k nearest have answered: the node look-up of the Kademlia
 * paper (Maymounkov and Mazières 2002, section 2.3).
 *
 * kad-dht has one of its own, which leaves out nodes farther from the key than
 * the one that named them, and all that were named along with an invalid
 * record: in a small network either can hide a record (see
 * tests/net/dht/lookup_compared_test.ts).
 *
 * @param key the bytes whose SHA-256 is the target
 * @param self the own peer id, never asked
 */
export async function* lookUp(
  { key, seeds, ask, self, clock, signal, limits = {} }: {
    readonly key: Uint8Array;
    readonly seeds: readonly Contact[];
    readonly ask: Ask;
    readonly self: string;
    readonly clock: Clock;
    readonly signal: AbortSignal;
    readonly limits?: LookupLimits;
  },
): AsyncGenerator<LookupStep, void, undefined> {
  const { k = 20, alpha = 3, slowAfterMs = 250, maxOpen = 20, maxAsked = 256 } =
    limits;
  const target = sha256(key);
  const known = new Set([self]);
  const answered = new Set<string>();
  const nearest: Uint8Array[] = [];
  const queue: { readonly contact: Contact; readonly distance: Uint8Array }[] =
    [];
  const steps: { readonly contact: Contact; result: Result<PeerAnswer> }[] = [];
  let wake = Promise.withResolvers<void>();
  let running = 0;
  let slow = 0;
  let asked = 0;
  const over = new AbortController();
  const anySignal = AbortSignal.any([signal, over.signal]);

  const add = (contact: Contact) => {
    const id = typeof contact === "string" ? contact : contact.id;
    if (known.has(id)) return;
    if (typeof contact !== "string" && contact.addresses.length === 0) return;
    known.add(id);
    // An address of unknown distance is a seed: it is asked before all others.
    const distance = typeof contact === "string"
      ? new Uint8Array(target.length)
      : xor(sha256(contact.multihash), target);
    const at = queue.findIndex((e) =>
      compareDistances(distance, e.distance) < 0
    );
    queue.splice(at < 0 ? queue.length : at, 0, { contact, distance });
  };
  const start = (contact: Contact) => {
    running++;
    asked++;
    let isSlow = false;
    const cancel = clock.setTimer(() => {
      isSlow = true;
      slow++;
      wake.resolve();
    }, slowAfterMs);
    ask(contact, { signal: anySignal }).then((result) => {
      cancel();
      running--;
      if (isSlow) slow--;
      steps.push({ contact, result });
      wake.resolve();
    });
  };

  try {
    for (const seed of seeds) add(seed);
    while (!signal.aborted) {
      while (
        queue.length > 0 && running - slow < alpha && running < maxOpen &&
        asked < maxAsked
      ) {
        const next = queue.shift();
        if (next === undefined) break;
        const bound = nearest[k - 1];
        if (bound && compareDistances(next.distance, bound) > 0) {
          queue.length = 0;
        } else start(next.contact);
      }
      const step = steps.shift();
      if (step === undefined) {
        if (running === 0) return;
        wake = Promise.withResolvers<void>();
        const onAbort = () => wake.resolve();
        signal.addEventListener("abort", onAbort, { once: true });
        await wake.promise;
        signal.removeEventListener("abort", onAbort);
        continue;
      }
      const { contact, result } = step;
      if (!result.ok) {
        const at = typeof contact === "string" ? contact : contact.id;
        yield { kind: "failure", at, reason: result.reason };
        continue;
      }
      const answer = result.value;
      if (answered.has(answer.from.id)) continue;
      answered.add(answer.from.id);
      known.add(answer.from.id);
      const distance = xor(sha256(answer.from.multihash), target);
      nearest.push(distance);
      nearest.sort(compareDistances);
      for (const peer of answer.closer) add(peer);
      yield { kind: "answer", answer, distance };
    }
  } finally {
    over.abort();
  }
}

/** Orders XOR distances: negative when `a` is nearer. */
export function compareDistances(a: Uint8Array, b: Uint8Array): number {
  for (const [i, byte] of a.entries()) {
    const other = b[i] ?? 0;
    if (byte !== other) return byte - other;
  }
  return 0;
}

function xor(a: Uint8Array, b: Uint8Array): Uint8Array {
  return a.map((byte, i) => byte ^ (b[i] ?? 0));
}

function sha256(bytes: Uint8Array): Uint8Array {
  return createHash("sha256").update(bytes).digest();
}
