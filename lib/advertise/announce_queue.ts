import { messageOf } from "../core/printable.ts";
import { ok, refuse, type Result } from "../core/result.ts";
import type { AnnounceOutcome } from "../net/dht/announce_outcome.ts";
import type { DhtNode } from "../net/dht/node.ts";
import type { PublishEntry } from "../net/dht/node_options.ts";

/** Up to this many are announced one by one, which is fastest. */
const FEW = 3;
/** How many of those at once: each opens streams of its own. */
const MAX_ALONE = 8;
/** Told together at most: those that come later wait for all of them. */
const MAX_TOGETHER = 250;

interface Waiting {
  /** Makes what is told, when its turn has come. */
  readonly entry: () => Promise<PublishEntry>;
  readonly signal: AbortSignal;
  readonly ended: (result: Result<AnnounceOutcome>) => void;
}

/**
 * Announces images to other nodes: many together, as they come, and a few one
 * by one.
 */
export class AnnounceQueue {
  readonly #node: Pick<DhtNode, "publish" | "publishAll">;
  readonly #ttlSeconds: number;
  #waiting: Waiting[] = [];
  #aloneCount = 0;
  #isSweeping = false;
  #isBeginning = false;

  /** @param node by which they are told */
  constructor(
    node: Pick<DhtNode, "publish" | "publishAll">,
    ttlSeconds: number,
  ) {
    this.#node = node;
    this.#ttlSeconds = ttlSeconds;
  }

  /**
   * Announces an image in its turn.
   *
   * @param entry makes what is told, when its turn has come
   * @param signal aborts when it is to be told no more
   */
  announce(
    entry: () => Promise<PublishEntry>,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<Result<AnnounceOutcome>> {
    const { promise, resolve } = Promise.withResolvers<
      Result<AnnounceOutcome>
    >();
    this.#waiting.push({ entry, signal, ended: resolve });
    // Once for all that come in a moment.
    if (!this.#isBeginning) queueMicrotask(() => this.#begin());
    this.#isBeginning = true;
    return promise;
  }

  #begin(): void {
    this.#isBeginning = false;
    while (this.#waiting.length > 0) {
      const areFew = this.#waiting.length <= FEW;
      if (areFew ? this.#aloneCount >= MAX_ALONE : this.#isSweeping) return;
      void this.#tell(
        this.#waiting.splice(0, areFew ? 1 : MAX_TOGETHER),
        areFew,
      );
    }
  }

  async #tell(those: readonly Waiting[], areFew: boolean): Promise<void> {
    if (areFew) this.#aloneCount++;
    else this.#isSweeping = true;
    const ready: { readonly one: Waiting; readonly entry: PublishEntry }[] = [];
    await Promise.all(those.map(async (one) => {
      try {
        one.signal.throwIfAborted();
        ready.push({ one, entry: await one.entry() });
      } catch (error) {
        one.ended(refuse(messageOf(error)));
      }
    }));
    try {
      const outcomes = await this.#publish(ready, areFew);
      ready.forEach(({ one }, i) => {
        const outcome = outcomes[i];
        one.ended(outcome === undefined ? refuse("not told") : ok(outcome));
      });
    } catch (error) {
      for (const { one } of ready) one.ended(refuse(messageOf(error)));
    }
    if (areFew) this.#aloneCount--;
    else this.#isSweeping = false;
    this.#begin();
  }

  async #publish(
    ready: readonly { readonly one: Waiting; readonly entry: PublishEntry }[],
    areFew: boolean,
  ): Promise<readonly AnnounceOutcome[]> {
    const ttlSeconds = this.#ttlSeconds;
    const [first] = ready;
    if (first === undefined) return [];
    if (areFew) {
      const { key, value, ...how } = first.entry;
      const { signal } = first.one;
      return [
        await this.#node.publish(key, value, { ...how, ttlSeconds, signal }),
      ];
    }
    const ending = new AbortController();
    const left = new Set(ready.map(({ one }) => one.signal));
    for (const signal of left) {
      signal.addEventListener("abort", () => {
        left.delete(signal);
        if (left.size === 0) ending.abort();
      }, { once: true, signal: ending.signal });
    }
    const entries = ready.map(({ entry }) => entry);
    const { signal } = ending;
    const outcomes = await this.#node.publishAll(entries, {
      ttlSeconds,
      signal,
    });
    ending.abort(); // nobody listens any more
    return outcomes;
  }
}
