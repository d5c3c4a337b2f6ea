/**
 * SIGHUP for a long-running program: from now on it ends nothing, and one that
 * arrives before anything listens is not lost.
 */
export class HangUps {
  #listener: (() => void) | undefined;
  #isWaiting = false;

  /** Takes the signal over. */
  constructor() {
    if (Deno.build.os === "windows") return; // which cannot send it
    Deno.addSignalListener("SIGHUP", () => {
      if (this.#listener === undefined) this.#isWaiting = true;
      else this.#listener();
    });
  }

  /**
   * Calls back for each SIGHUP, at once for those that have come already.
   *
   * @returns stops it, with which signals are kept again
   */
  subscribe(listener: () => void): Disposable {
    this.#listener = listener;
    if (this.#isWaiting) listener();
    this.#isWaiting = false;
    return { [Symbol.dispose]: () => this.#listener = undefined };
  }
}
