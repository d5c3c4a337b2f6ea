/** Racks of machines are switched on together, each of which asks twice. */
const ANSWERS_PER_SECOND = 1000;
/** Firmware asks every few seconds, and once more when iPXE takes over. */
const ANSWERS_PER_MACHINE_AND_SECOND = 10;

/**
 * Limits the answers per second: enough for every machine of a site, and too
 * few for a broken machine, or a flood of invented ones, to cause a flood of
 * ours.
 */
export class AnswerBudget {
  #second = 0;
  #spent = 0;
  /** As many as there are answers, at most. */
  readonly #byMachine = new Map<string, number>();

  /**
   * Takes one answer from the remaining budget.
   *
   * @param mac of the machine that is to get it
   * @param nowMs by a monotonic clock
   * @returns whether there was one
   */
  take(mac: string, nowMs: number): boolean {
    const second = Math.floor(nowMs / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#spent = 0;
      this.#byMachine.clear();
    }
    const own = this.#byMachine.get(mac) ?? 0;
    if (
      this.#spent >= ANSWERS_PER_SECOND ||
      own >= ANSWERS_PER_MACHINE_AND_SECOND
    ) return false;
    this.#spent++;
    this.#byMachine.set(mac, own + 1);
    return true;
  }
}
