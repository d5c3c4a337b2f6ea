/**
 * The smallest value that at least a share of all values does not exceed
 * (nearest rank).
 *
 * @param share such as 0.95
 */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? NaN;
}
