/** What is counted of a file that may be idle. */
export interface AskedFile {
  /** How many have asked for it since it was opened. */
  readonly askedCount: number;
}

/** How many files stay open without a reader. */
const MAX_IDLE_FILES = 64;

/** Open files without a reader at the moment: those most asked for. */
export class IdleFiles<F extends AskedFile> {
  readonly #files = new Set<F>();

  /**
   * Takes a file whose last reader has left.
   *
   * @returns one to close in its stead, where there are too many: that which the
   * fewest have asked for
   */
  add(file: F): F | undefined {
    this.#files.add(file);
    if (this.#files.size <= MAX_IDLE_FILES) return undefined;
    let least = file;
    for (const other of this.#files) {
      if (other.askedCount < least.askedCount) least = other;
    }
    return least;
  }

  /** Forgets a file that is read again, or closed. */
  delete(file: F): void {
    this.#files.delete(file);
  }
}
