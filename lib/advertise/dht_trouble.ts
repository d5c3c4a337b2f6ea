/** Knows whether the operator was told that images cannot be found. */
export class DhtTrouble {
  #hasWarned = false;
  #hasBeenFound = false;

  /**
   * An image cannot be found.
   *
   * @returns a line for the log when that has begun
   */
  began(reason: string): string | undefined {
    if (this.#hasWarned) return undefined;
    this.#hasWarned = true;
    return `Images cannot be found over the DHT ${
      this.#hasBeenFound ? "any more" : "yet"
    } (${reason}): retrying until it works`;
  }

  /**
   * An image was found.
   *
   * @param isOver whether all are
   * @returns a line for the log when that ends the trouble
   */
  found(isOver: () => boolean): string | undefined {
    this.#hasBeenFound = true;
    if (!this.#hasWarned || !isOver()) return undefined;
    this.#hasWarned = false;
    return "The DHT has peers now, and images can be found in it";
  }
}
