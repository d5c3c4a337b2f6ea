/**
 * Hands values from callbacks to one `for await` loop, in order and without
 * loss: nothing waits for the reader.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { AsyncQueue } from "./async_queue.ts";
 * const queue = new AsyncQueue<number>();
 * queue.push(1);
 * queue.push(2);
 * queue.close();
 * assert.deepEqual(await Array.fromAsync(queue), [1, 2]);
 * ```
 */
export class AsyncQueue<T> implements AsyncIterable<T> {
  readonly #values: T[] = [];
  #closed = false;
  #wake = Promise.withResolvers<void>();

  /** Adds a value; one that comes after the end is dropped. */
  push(value: T): void {
    if (this.#closed) return;
    this.#values.push(value);
    this.#wake.resolve();
  }

  /** Ends the loop once it has read all queued items. */
  close(): void {
    this.#closed = true;
    this.#wake.resolve();
  }

  /** Reads until the queue is closed; there can be one reader only. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    while (true) {
      yield* this.#values.splice(0);
      if (this.#values.length > 0) continue;
      if (this.#closed) return;
      this.#wake = Promise.withResolvers<void>();
      await this.#wake.promise;
    }
  }
}
