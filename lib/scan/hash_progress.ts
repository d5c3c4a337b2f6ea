import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/log.ts";

/** What is quicker than this is not worth a line. */
const FIRST_LINE_AFTER_MS = 5000;
const LINE_INTERVAL_MS = 30_000;

/**
 * Says now and then how far the reading of artifacts has got.
 *
 * @param totalBytes how much is to be read
 * @returns takes how much has been read since the last call
 */
export function reportProgress(
  totalBytes: number,
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
): (countBytes: number) => void {
  let doneBytes = 0;
  let nextLineMs = clock.monotonic() + FIRST_LINE_AFTER_MS;
  return (countBytes) => {
    doneBytes += countBytes;
    if (clock.monotonic() < nextLineMs) return;
    nextLineMs = clock.monotonic() + LINE_INTERVAL_MS;
    const percent = Math.min(100, Math.floor(doneBytes / totalBytes * 100));
    const totalGb = (totalBytes / 1e9).toFixed(1);
    logger.info(`Reading new artifacts: ${percent} % of ${totalGb} GB`);
  };
}
