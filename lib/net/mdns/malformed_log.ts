import type { Clock } from "../../core/clock.ts";
import type { Logger } from "../../core/log.ts";
import type { Link } from "../interfaces.ts";

/** How often a line is written, however much nonsense comes in. */
const INTERVAL_MS = 60_000;

/** Counts packets that make no sense, and says so once in a while. */
export class MalformedLog {
  readonly #clock: Clock;
  readonly #logger: Logger;
  #count = 0;
  #nextLineMs = -Infinity;

  /** Writes to the logger, timed by the clock. */
  constructor(to: { readonly clock: Clock; readonly logger: Logger }) {
    this.#clock = to.clock;
    this.#logger = to.logger;
  }

  /**
   * Counts a packet.
   *
   * @param reason what is wrong with it, fit for a log line
   */
  add(link: Link, reason: string): void {
    this.#count++;
    const nowMs = this.#clock.monotonic();
    if (nowMs < this.#nextLineMs) return;
    this.#logger.warn(
      `mdns ${link.interfaceName} malformed packets ignored: ${this.#count}, the last one: ${reason}`,
    );
    this.#count = 0;
    this.#nextLineMs = nowMs + INTERVAL_MS;
  }
}
