import { BoundedMap } from "../../../core/bounded_map.ts";

/** How many requests of one host are answered each second. */
const PER_SECOND = 300;
/** How many at once after a time of rest: a rack that boots, a round told. */
const BURST = 3000;
/** Hosts that are remembered. */
const MAX_HOSTS = 4096;

/** Has every host wait whose requests would take the processor from others. */
export class HostPace {
  /** When all that a host asked for would be answered, at its rate. */
  readonly #doneMs = new BoundedMap<string, number>(MAX_HOSTS, "forget oldest");

  /**
   * Counts one request (the generic cell rate algorithm, ITU-T I.371).
   *
   * @param nowMs monotonic
   * @returns how long it is to wait
   */
  delayMs(host: string, nowMs: number): number {
    const intervalMs = 1000 / PER_SECOND;
    const doneMs = Math.max(this.#doneMs.get(host) ?? 0, nowMs) + intervalMs;
    this.#doneMs.set(host, doneMs);
    return Math.max(0, doneMs - nowMs - BURST * intervalMs);
  }
}
