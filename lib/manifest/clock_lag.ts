import { CLOCK_SKEW_MS, formatTimestamp } from "./timestamp.ts";

/**
 * How far a client's clock may be behind that of the signer: a day, in which
 * every time zone has its place that a clock is set to by mistake. A box would
 * else refuse a good image until somebody sets its clock. Nothing holds any
 * longer for that: whether a manifest has expired is asked as before.
 */
export const MAX_CLOCK_LAG_MS = 86_400_000;

/** What the clock of this machine shows, as it stands in a refusal. */
export function clockSays(now: number): string {
  return `this machine's clock says ${formatTimestamp(now)}`;
}

/**
 * What to tell the owner of a clock by which a manifest that was accepted is
 * yet to be made.
 *
 * @param now milliseconds since 1970, by that clock
 * @returns undefined where it is behind by no more than clocks may differ
 */
export function clockLagWarning(
  createdAtMs: number,
  now: number,
): string | undefined {
  if (createdAtMs <= now + CLOCK_SKEW_MS) return undefined;
  const created = formatTimestamp(createdAtMs);
  return `The manifest was created at ${created}, but ${
    clockSays(now)
  }: set the clock, or what expires is taken for too long`;
}
