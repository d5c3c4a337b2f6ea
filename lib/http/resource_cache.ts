import { BoundedMap } from "../core/bounded_map.ts";
import { ok, type Result } from "../core/result.ts";
import type { Answer, Exchange } from "../net/http1/handler.ts";
import type { RequestHead } from "../net/http1/request_head.ts";

/** What a path leads to. */
export interface Resource {
  /** Answers a GET or HEAD request. */
  answer(head: RequestHead, exchange: Exchange): Answer | Promise<Answer>;
  /** Whether it goes with time, so that it is searched for anew. @default false */
  readonly isPassing?: boolean;
}

/** How many targets are remembered: clients choose them. */
const MAX_TARGETS = 256;

/** What request targets lead to, so that asking again takes no search. */
export class ResourceCache {
  #resources = emptyResources();
  #found: readonly unknown[] = [];
  readonly #find: (target: string) => Result<Resource>;
  readonly #among: () => readonly unknown[];

  /**
   * Starts empty.
   *
   * @param find asked where nothing is remembered, or not any more
   * @param among what it finds things among: once one of these is another,
   * nothing is remembered
   */
  constructor(
    find: (target: string) => Result<Resource>,
    among: () => readonly unknown[],
  ) {
    this.#find = find;
    this.#among = among;
  }

  /** What the target leads to, or why it leads nowhere. */
  find(target: string): Result<Resource> {
    const among = this.#among();
    if (among.some((thing, index) => thing !== this.#found[index])) {
      this.#resources = emptyResources();
    }
    this.#found = among;
    const known = this.#resources.get(target);
    if (known !== undefined) return ok(known);
    const found = this.#find(target);
    if (found.ok && !found.value.isPassing) {
      this.#resources.set(target, found.value);
    }
    return found;
  }
}

function emptyResources(): BoundedMap<string, Resource> {
  return new BoundedMap(MAX_TARGETS, "forget oldest");
}
