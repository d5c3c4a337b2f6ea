import { formatTimestamp } from "./timestamp.ts";

const DAY_MS = 86_400_000;

/** How long before expiry to warn: enough time to fetch offline keys. */
const WARN_BEFORE_EXPIRY_MS = 14 * DAY_MS;

/**
 * What to tell an operator about something that ends soon or has ended.
 *
 * @param subject such as `The manifest of stable/arm64`
 * @param remedy one clause, such as `sign it anew`
 * @param now milliseconds since 1970
 * @returns undefined while there is time
 */
export function expiryWarning(
  { subject, expiresAtMs, remedy }: {
    readonly subject: string;
    readonly expiresAtMs: number;
    readonly remedy: string;
  },
  now: number,
): string | undefined {
  const remainingMs = expiresAtMs - now;
  if (remainingMs > WARN_BEFORE_EXPIRY_MS) return undefined;
  const when = formatTimestamp(expiresAtMs);
  if (remainingMs <= 0) {
    const pastDays = Math.floor(-remainingMs / DAY_MS);
    const ago = pastDays > 0 ? `, ${inDays(pastDays)} ago` : "";
    return `${subject} expired at ${when}${ago}: clients refuse it; ${remedy}`;
  }
  const days = inDays(Math.ceil(remainingMs / DAY_MS));
  return `${subject} expires at ${when}, in ${days}; ${remedy}`;
}

function inDays(count: number): string {
  return `${count} ${count === 1 ? "day" : "days"}`;
}
