import type { Clock } from "../../core/clock.ts";
import type { Logger } from "../../core/log.ts";
import type { Link } from "../interfaces.ts";

/** How often a line is written, however much nonsense comes in. */
const INTERVAL_MS = 60_000;

/**
 * Counts packets that make no sense, and says so once in a while.
 *
 * @returns counts a packet, given what is wrong with it, fit for a log line
 */
export function malformedLog(
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
): (link: Link, reason: string) => void {
  let count = 0;
  let nextLineMs = -Infinity;
  return ({ interfaceName }, reason) => {
    count++;
    const nowMs = clock.monotonic();
    if (nowMs < nextLineMs) return;
    logger.warn(
      `mdns ${interfaceName} malformed packets ignored: ${count}, the last one: ${reason}`,
    );
    count = 0;
    nextLineMs = nowMs + INTERVAL_MS;
  };
}
