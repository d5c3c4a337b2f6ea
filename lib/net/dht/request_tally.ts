import { KadCall } from "./message.ts";

/** The kinds of requests, as the specification calls them. */
const KINDS: readonly (readonly [call: number, kind: string])[] = [
  [KadCall.putValue, "put_value"],
  [KadCall.getValue, "get_value"],
  [KadCall.addProvider, "add_provider"],
  [KadCall.getProviders, "get_providers"],
  [KadCall.findNode, "find_node"],
  [KadCall.ping, "ping"],
];

/** How many requests of a kind there were. */
export interface KadRequestCount {
  /** Such as `find_node`; `other`: of no kind that this program knows. */
  readonly kind: string;
  /** Whether they were answered; else their streams were reset. */
  readonly answered: boolean;
  /** Since the start. */
  readonly count: number;
}

/** Counts the requests of a DHT that a node was sent. */
export class RequestTally {
  readonly #counts = new Map<string, { answered: number; refused: number }>();

  /**
   * Counts one.
   *
   * @param call its number on the wire; undefined: it made no sense
   */
  add(call: number | undefined, isAnswered: boolean): void {
    const kind = KINDS.find(([number]) => number === call)?.[1] ?? "other";
    const counts = this.#counts.get(kind) ?? { answered: 0, refused: 0 };
    counts[isAnswered ? "answered" : "refused"]++;
    this.#counts.set(kind, counts);
  }

  /** The counts so far. */
  list(): KadRequestCount[] {
    return [...this.#counts].flatMap(([kind, { answered, refused }]) => [
      { kind, answered: true, count: answered },
      { kind, answered: false, count: refused },
    ]).filter(({ count }) => count > 0);
  }
}
