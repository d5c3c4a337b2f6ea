import { deadline } from "../../../core/clock.ts";
import {
  type DhtClient,
  type DhtClientOptions,
  openDhtClient,
} from "../client.ts";
import type { KadPeer, LookupStep } from "../lookup.ts";
import type { OutsideLook } from "../outside_look.ts";

/** What to look for, and where to start. */
export interface OutsideQuestion {
  /** The key of the value, and of its provider entries. */
  readonly key: string;
  /** Multiaddrs with peer id of nodes other than the own one. */
  readonly seeds: readonly string[];
  /** Whether a value, untrusted, leads to the own node. */
  readonly isOwn: (value: Uint8Array) => boolean;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** How an outsider asks. */
export interface OutsiderOptions extends Omit<DhtClientOptions, "signal"> {
  /** The own peer id, whose answers do not count. */
  readonly self: string;
  /**
   * Told of the addresses, untrusted, that others name as those of this node.
   *
   * @default nobody
   */
  readonly onNamed?: (addresses: readonly string[]) => void;
}

/** Known nodes that a stranger is taken to begin with, besides bootstraps. */
const MAX_KNOWN_SEEDS = 4;
/** How many addresses of each are tried. */
const MAX_ADDRESSES = 3;
/** A stranger on a slow path would have given up by then as well. */
const LOOK_TIMEOUT_MS = 10_000;

/**
 * Asks other nodes as a stranger does: by a client with an identity of its
 * own, which is made anew whenever nothing is being asked.
 */
export class Outsider {
  readonly #options: OutsiderOptions;
  #client: Promise<DhtClient> | undefined;
  #asking = 0;

  constructor(options: OutsiderOptions) {
    this.#options = options;
  }

  /** Looks for the own node under a key, by value where there are some, and by provider entry. */
  async look(question: OutsideQuestion): Promise<OutsideLook> {
    using limit = deadline(this.#options.clock, LOOK_TIMEOUT_MS, question);
    const over = new AbortController();
    const signal = AbortSignal.any([limit.signal, over.signal]);
    this.#asking++;
    this.#client ??= openDhtClient({
      ...this.#options,
      signal: new AbortController().signal,
    });
    const opened = this.#client;
    try {
      const client = await opened;
      const seen: Seen = {
        answered: new Set(),
        failures: new Set(),
        ownAddresses: new Set(),
      };
      const { key, seeds } = question;
      const ways = [
        client.findProviders(key, seeds, { signal }),
        ...this.#options.isAmino
          ? []
          : [client.findValues(key, seeds, { signal })],
      ];
      const isFound = await anyOf(
        ways.map((steps) => this.#leads(steps, seen, question)),
      );
      this.#options.onNamed?.([...seen.ownAddresses]);
      if (isFound) return { kind: "found" };
      return seen.answered.size > 0
        ? { kind: "absent", askedCount: seen.answered.size }
        : { kind: "unanswered", failures: [...seen.failures] };
    } finally {
      over.abort();
      if (--this.#asking === 0) {
        this.#client = undefined;
        opened.then((client) => client[Symbol.asyncDispose](), () => {});
      }
    }
  }

  async #leads(
    steps: AsyncIterable<LookupStep>,
    { answered, failures, ownAddresses }: Seen,
    { isOwn }: OutsideQuestion,
  ): Promise<boolean> {
    const { self } = this.#options;
    for await (const step of steps) {
      if (step.kind === "failure") {
        failures.add(`${step.at}: ${step.reason}`);
        continue;
      }
      const { from, value, closer, providers } = step.answer;
      if (from.id === self) continue;
      for (const { id, addresses } of [...closer, ...providers]) {
        if (id === self) addresses.forEach((one) => ownAddresses.add(one));
      }
      answered.add(from.id);
      if (value !== undefined && isOwn(value)) return true;
      if (providers.some((p) => p.id === self && p.addresses.length > 0)) {
        return true;
      }
    }
    return false;
  }
}

interface Seen {
  /** Peer ids of the nodes that answered. */
  readonly answered: Set<string>;
  /** Why others did not. */
  readonly failures: Set<string>;
  /** Where they say that the own node is. */
  readonly ownAddresses: Set<string>;
}

/** Whether one of them is true, as soon as that is certain. */
async function anyOf(all: readonly Promise<boolean>[]): Promise<boolean> {
  const isTrue = all.map(async (one) => await one || Promise.reject());
  return await Promise.any(isTrue).catch(() => false);
}

/**
 * Where a stranger could begin: at the bootstrap nodes, and at any of those
 * that are known.
 *
 * @param bootstrap multiaddrs
 * @param random 0 to below 1
 */
export function strangerSeeds(
  known: readonly KadPeer[],
  bootstrap: readonly string[],
  random: () => number = Math.random,
): string[] {
  const left = [...known];
  const some: KadPeer[] = [];
  while (some.length < MAX_KNOWN_SEEDS && left.length > 0) {
    some.push(...left.splice(Math.floor(random() * left.length), 1));
  }
  return [
    ...some.flatMap(({ id, addresses }) =>
      addresses.slice(0, MAX_ADDRESSES).map((one) => `${one}/p2p/${id}`)
    ),
    ...bootstrap,
  ];
}
