/** How many paths are remembered. */
const MAX_PATHS = 256;

/**
 * What request targets lead to, so that asking again takes no search. Clients
 * choose the targets: it forgets everything when there are too many.
 */
export class RememberedPaths<T> {
  readonly #found = new Map<string, T>();

  /** What the target leads to, if that is remembered. */
  get(target: string): T | undefined {
    return this.#found.get(target);
  }

  /** Remembers it. */
  set(target: string, found: T): void {
    if (this.#found.size >= MAX_PATHS) this.#found.clear();
    this.#found.set(target, found);
  }

  /** Does not remember it any more. */
  delete(target: string): void {
    this.#found.delete(target);
  }
}
