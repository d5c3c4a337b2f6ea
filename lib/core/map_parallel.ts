/** Enough to keep a disk busy, few enough to leave files to others. */
const PARALLEL = 16;

/** Like `Promise.all(items.map(run))`, a bounded number at a time. */
export async function mapParallel<T, R>(
  items: readonly T[],
  run: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const queue = items.entries();
  const worker = async () => {
    for (const [index, item] of queue) results[index] = await run(item);
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
  return results;
}
