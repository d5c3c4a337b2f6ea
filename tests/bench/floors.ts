import type { Row } from "./part.ts";

/** What a row must not fall short of. */
export interface Floor {
  /** The name of the row. */
  readonly row: string;
  /** The program whose figure ours is divided by. @default none: ours as it is */
  readonly of?: string;
  readonly atLeast?: number;
  readonly atMost?: number;
}

/** Every limit of `bench:all`, in one place. */
export const FLOORS: readonly Floor[] = [
  { row: "discovery above an empty program, p50", atMost: 32 },
  { row: "discovery above an empty program, p95", atMost: 80 },
  { row: "discovery beside avahi-publish above an empty program", atMost: 32 },
  { row: "40 clients at once, found by", atLeast: 40 },
  { row: "a client that waits for a provider's start", atMost: 1300 },
  { row: "auto to lan on a slow processor", atMost: 1.3 },
  { row: "DHT look-ups that find, 5 nodes", atLeast: 1 },
  { row: "DHT look-ups that find, 20 nodes", atLeast: 1 },
  { row: "DHT look-ups that find, 50 nodes", atLeast: 1 },
  { row: "DHT look-up, 50 nodes, 30 % fail", atMost: 1000 },
  { row: "256 MiB file, 1 connection", of: "nginx", atLeast: 0.85 },
  { row: "256 MiB file, 4 connections", of: "nginx", atLeast: 1 },
  { row: "1 MiB ranges, 4 connections", of: "nginx", atLeast: 0.7 },
  { row: "manifests, 16 connections", of: "nginx", atLeast: 0.6 },
  { row: "64 clients x 256 MiB, failed", atMost: 0 },
  { row: "64 clients x 256 MiB, peak memory", atMost: 150 },
  { row: "64 clients x 256 MiB, slowest to median", atMost: 3 },
  { row: "200 clients x 100 MiB, failed", atMost: 0 },
  { row: "200 clients x 100 MiB, peak memory", atMost: 250 },
  { row: "200 clients x 100 MiB, slowest to median", atMost: 3 },
  { row: "a new artifact is read", atLeast: 1000 },
  { row: "manifests while it is read, p99", atMost: 20 },
  { row: "digests with pieces to digests without", atMost: 1.3 },
  { row: "1,000 images, found by mDNS after a restart", atMost: 2000 },
  { row: "10 images, one change is seen", atMost: 3000 },
  { row: "100 images, one change is seen", atMost: 3000 },
  { row: "1,000 images, one change is seen", atMost: 3000 },
  { row: "10,000 images, one change is seen", atMost: 3000 },
  { row: "10 images, processor time of one change", atMost: 0.3 },
  { row: "100 images, processor time of one change", atMost: 0.3 },
  { row: "1,000 images, processor time of one change", atMost: 0.3 },
  { row: "10,000 images, processor time of one change", atMost: 0.3 },
  { row: "512 MiB fetched and verified", of: "curl | openssl", atLeast: 0.8 },
  { row: "two providers to one", atLeast: 1.7 },
  { row: "memory of a fetch", atMost: 120 },
];

/** Our figure as a floor sees it; unset where it cannot be told. */
export function measureOf(row: Row, { of }: Floor): number | undefined {
  return of === undefined ? row.ours : ratioTo(row, of);
}

/** Ours divided by another program's; unset where one of them is missing. */
export function ratioTo(row: Row, program: string): number | undefined {
  const { ours, others: { [program]: other }, ratios } = row;
  return ours === undefined || other === undefined
    ? undefined
    : ratios?.[program] ?? ours / other;
}

/** A floor in words. */
export function wantedBy({ of, atLeast, atMost }: Floor): string {
  const limit = atLeast === undefined ? `<= ${atMost}` : `>= ${atLeast}`;
  return of === undefined ? limit : `${limit} of ${of}`;
}

/**
 * The floors that are broken, in words. Where we have no figure, that is one;
 * where the other program has none, there is nothing to hold ours against.
 */
export function brokenFloors(
  rows: readonly Row[],
  floors: readonly Floor[] = FLOORS,
): string[] {
  return floors.flatMap((floor) => {
    const row = rows.find(({ name }) => name === floor.row);
    if (row === undefined) return [];
    if (row.ours === undefined) {
      const [reason = "no figure"] = Object.values(row.skipped);
      return [`${row.name}: ${reason}`];
    }
    const measure = measureOf(row, floor);
    if (measure === undefined) return [];
    const { atLeast = -Infinity, atMost = Infinity } = floor;
    // Not a number is broken, too.
    return measure >= atLeast && measure <= atMost
      ? []
      : [`${row.name}: ${rounded(measure)}, wanted ${wantedBy(floor)}`];
  });
}

/** As many digits as mean something. */
export function rounded(value: number): string {
  if (Math.abs(value) >= 100) return value.toFixed(0);
  return String(Number(value.toPrecision(value < 10 ? 2 : 3)));
}
