/** What happens to one more key than there is room for. */
export type WhenFull = "forget oldest" | "refuse";

/**
 * A map that strangers cannot make grow without bound: whatever a peer, a
 * client or a network can add keys to has a size that was chosen for it.
 *
 * In the order in which keys were set last, oldest first.
 */
export class BoundedMap<K, V> implements Iterable<[K, V]> {
  readonly #entries = new Map<K, V>();
  readonly #maxSize: number | (() => number);
  readonly #whenFull: WhenFull;

  /**
   * Empty.
   *
   * @param maxSize how many keys there may be, at least 1; a function where
   * that depends on something else
   */
  constructor(maxSize: number | (() => number), whenFull: WhenFull) {
    this.#maxSize = maxSize;
    this.#whenFull = whenFull;
  }

  /** How many keys there are. */
  get size(): number {
    return this.#entries.size;
  }

  get(key: K): V | undefined {
    return this.#entries.get(key);
  }

  /** Whether a key has a value. */
  has(key: K): boolean {
    return this.#entries.has(key);
  }

  /**
   * Sets a value, and makes its key the youngest. When full, a new key takes
   * the place of the oldest, or none.
   *
   * @returns whether it was set
   */
  set(key: K, value: V): boolean {
    const isNew = !this.#entries.delete(key);
    const max = typeof this.#maxSize === "number"
      ? this.#maxSize
      : this.#maxSize();
    if (isNew && this.#entries.size >= max && this.#whenFull === "refuse") {
      return false;
    }
    if (this.#entries.size >= max) this.#forgetOldest(max);
    this.#entries.set(key, value);
    return true;
  }

  /** Not begun in vain: an iterator steps over all that was deleted before. */
  #forgetOldest(max: number): void {
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size < max) return;
      this.#entries.delete(oldest);
    }
  }

  /**
   * Forgets a key.
   *
   * @returns whether there was such a key
   */
  delete(key: K): boolean {
    return this.#entries.delete(key);
  }

  /** The values, oldest first. */
  values(): MapIterator<V> {
    return this.#entries.values();
  }

  /** The entries, oldest first. */
  [Symbol.iterator](): MapIterator<[K, V]> {
    return this.#entries[Symbol.iterator]();
  }
}
