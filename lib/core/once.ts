/**
 * Makes a function that runs once and gives its value to every caller. A
 * failure goes to the callers that wait for it, and the next call tries again.
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
