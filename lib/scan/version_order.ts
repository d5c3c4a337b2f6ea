/** What comes before a release, in the numbering of kernels and packages. */
const BEFORE_RELEASE = new Set(["~", "rc", "pre", "alpha", "beta", "dev"]);

/**
 * Compares names by the versions in them: `6.12` above `6.9`, `6.1.0-10` above
 * `6.1.0-9`, and `6.12.0` above `6.12.0-rc7`. Case does not matter.
 *
 * @returns negative, zero or positive, for `sort()`: older first
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { compareVersions } from "./version_order.ts";
 * assert.ok(compareVersions("6.12.0-rc7", "6.12.0") < 0);
 * ```
 */
export function compareVersions(a: string, b: string): number {
  const left = partsOf(a);
  const right = partsOf(b);
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const order = compareParts(left[i], right[i]);
    if (order !== 0) return order;
  }
  return 0;
}

function partsOf(name: string): string[] {
  return name.toLowerCase().match(/\d+|[a-z]+|~/g) ?? [];
}

function compareParts(a: string | undefined, b: string | undefined): number {
  const rank = rankOf(a) - rankOf(b);
  if (rank !== 0 || a === undefined || b === undefined) return rank;
  if (!/\d/.test(a)) return a < b ? -1 : Number(a > b);
  const [x, y] = [BigInt(a), BigInt(b)];
  return x < y ? -1 : Number(x > y);
}

/** Where a name ends, one with `-rc1` is older and any other one is newer. */
function rankOf(part: string | undefined): number {
  if (part === undefined) return 1;
  if (BEFORE_RELEASE.has(part)) return 0;
  return /\d/.test(part) ? 3 : 2;
}
