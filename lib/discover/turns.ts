/** Whose turn it is, where several want the same. */
export class Turns {
  /** How often it was the turn of each. */
  readonly #counts = new Map<string, number>();

  /**
   * Chooses the first of those whose group has had the fewest turns.
   *
   * @param keys of each who waits, what it is of, from the coarse to the fine:
   * those of one key share its turns
   * @returns its index; -1 if none is waiting
   */
  firstOf(keys: readonly (readonly string[])[]): number {
    let first = -1;
    let fewest: readonly number[] = [];
    for (const [i, ofOne] of keys.entries()) {
      const counts = ofOne.map((key) => this.#counts.get(key) ?? 0);
      if (first >= 0 && !isLess(counts, fewest)) continue;
      first = i;
      fewest = counts;
    }
    return first;
  }

  took(keys: readonly string[]): void {
    for (const key of keys) {
      this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
    }
  }
}

function isLess(a: readonly number[], b: readonly number[]): boolean {
  for (const [i, count] of a.entries()) {
    const other = b[i] ?? 0;
    if (count !== other) return count < other;
  }
  return false;
}
