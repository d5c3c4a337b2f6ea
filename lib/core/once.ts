/**
 * Makes a function that runs once and gives its value to every caller; after a
 * failure, which all who wait for it get, the next call tries again.
 */
export function once<T>(run: () => Promise<T>): () => Promise<T> {
  let value: Promise<T> | undefined;
  return () => {
    value ??= run().catch((error) => {
      value = undefined;
      throw error;
    });
    return value;
  };
}
