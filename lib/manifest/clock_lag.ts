import { CLOCK_SKEW_MS, formatTimestamp } from "./timestamp.ts";

/**
 * How far the clock of a client may be behind that of the signer: one day,
 * enough for a clock that was set to the wrong time zone. Without it such a
 * machine would refuse a good image until its clock is corrected. Nothing else
 * becomes laxer: expiry is checked as before.
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
