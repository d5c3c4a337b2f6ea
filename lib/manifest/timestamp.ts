/**
 * How far the clocks of provider and client may be apart: a manifest or a DHT
 * record dated further ahead is refused as of the future.
 */
export const CLOCK_SKEW_MS = 5 * 60_000;

/**
 * Writes a time the one way our documents do (RFC 3339, UTC, whole seconds):
 * `2026-11-22T12:00:00Z`.
 *
 * @param timeMs milliseconds since 1970
 */
export function formatTimestamp(timeMs: number): string {
  return new Date(timeMs).toISOString().replace(/\.\d{3}Z$/, "Z");
}

/**
 * Reads an RFC 3339 time in UTC, with or without a fraction of a second.
 *
 * @returns milliseconds since 1970, or undefined when it is no such time
 */
export function parseTimestamp(text: string): number | undefined {
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?Z$/.test(text)) {
    return undefined;
  }
  const timeMs = Date.parse(text);
  // Date.parse makes the 2nd of March of the 30th of February.
  return Number.isNaN(timeMs) ||
      formatTimestamp(timeMs).slice(0, 19) !== text.slice(0, 19)
    ? undefined
    : timeMs;
}
