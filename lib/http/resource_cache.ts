import { BoundedMap } from "../core/bounded_map.ts";
import { ok, type Result } from "../core/result.ts";
import type { Answer, Exchange } from "../net/http1/handler.ts";
import type { RequestHead } from "../net/http1/request_head.ts";

/** What a path leads to. */
export interface Resource {
  /** Whether the path leads to it still. */
  isCurrent(): boolean;
  /** Answers a GET or HEAD request. */
  answer(head: RequestHead, exchange: Exchange): Answer | Promise<Answer>;
}

/** How many targets are remembered: clients choose them. */
const MAX_TARGETS = 256;

/** What request targets lead to, so that asking again takes no search. */
export class ResourceCache {
  readonly #resources = new BoundedMap<string, Resource>(
    MAX_TARGETS,
    "forget oldest",
  );
  readonly #find: (target: string) => Result<Resource>;

  /**
   * Remembers nothing yet.
   *
   * @param find asked where nothing is remembered, or not any more
   */
  constructor(find: (target: string) => Result<Resource>) {
    this.#find = find;
  }

  /** What the target leads to, or why it leads nowhere. */
  find(target: string): Result<Resource> {
    const known = this.#resources.get(target);
    if (known?.isCurrent()) return ok(known);
    this.#resources.delete(target);
    const found = this.#find(target);
    if (found.ok) this.#resources.set(target, found.value);
    return found;
  }
}
