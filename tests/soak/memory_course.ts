import { percentile } from "../sim/percentile.ts";

/** How much memory there was at a time. */
export interface MemoryPoint {
  readonly atSeconds: number;
  readonly mib: number;
}

/** How memory went in the second half of a run, after caches have filled. */
export interface MemoryCourse {
  readonly points: readonly MemoryPoint[];
  /** By how much it grew in that time, as a share; negative where it shrank. */
  readonly growth: number;
}

/** Garbage lies around for as long, which the least of a stretch is without. */
const FLOOR_SECONDS = 30;
/** Two points have a slope, whatever happened in between. */
const MIN_POINTS = 5;

/**
 * What was alive after each full collection, by what `--trace-gc` of V8 prints,
 * of the isolate that collects most: the program itself, not a worker of it.
 */
export function liveHeap(gcTrace: string): MemoryPoint[] {
  const collections = [...gcTrace.matchAll(
    /\[\d+:(0x[0-9a-f]+)\]\s+(\d+) ms: (?:Incremental )?Mark-Compact[^>\n]*-> ([\d.]+)/g,
  )];
  const byIsolate = Map.groupBy(collections, ([, isolate]) => isolate);
  const [own = []] = [...byIsolate.values()]
    .sort((a, b) => b.length - a.length);
  return own.map(([, , ms, mib]) => ({
    atSeconds: Number(ms) / 1000,
    mib: Number(mib),
  }));
}

/** The least of each half minute: what lies around in between does not matter. */
export function floorsOf(points: readonly MemoryPoint[]): MemoryPoint[] {
  const stretches = Map.groupBy(
    points,
    ({ atSeconds }) => Math.floor(atSeconds / FLOOR_SECONDS),
  );
  return [...stretches].map(([index, stretch]) => ({
    atSeconds: index * FLOOR_SECONDS,
    mib: Math.min(...stretch.map(({ mib }) => mib)),
  }));
}

/**
 * How memory went in the second half: the median of the slopes between any two
 * points (Theil-Sen), which three points in ten may be far from, as where V8
 * collects late.
 *
 * @returns undefined where there are too few points to tell
 */
export function courseOfMemory(
  all: readonly MemoryPoint[],
): MemoryCourse | undefined {
  const endSeconds = all.at(-1)?.atSeconds ?? 0;
  const points = all.filter(({ atSeconds }) => atSeconds >= endSeconds / 2);
  if (points.length < MIN_POINTS) return undefined;
  const slopes = points.flatMap((a, i) =>
    points.slice(i + 1)
      .map((b) => (b.mib - a.mib) / (b.atSeconds - a.atSeconds))
  );
  const seconds = endSeconds - (points[0]?.atSeconds ?? 0);
  const typical = percentile(points.map(({ mib }) => mib), 0.5);
  return { points, growth: percentile(slopes, 0.5) * seconds / typical };
}
