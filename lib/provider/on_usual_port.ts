import { errorCode } from "../core/error_code.ts";

/**
 * Opens something on the port that was asked for, or else on its usual one, or
 * where another program has that on any that is free.
 *
 * @param open throws an error of which it, or its cause, has the system's code
 * @param onTaken told before a free port is taken instead
 * @throws what `open` throws, for every reason but the usual port being taken
 */
export async function onUsualPort<Opened>(
  open: (port: number) => Opened | Promise<Opened>,
  { wanted, usual, onTaken, signal }: {
    readonly wanted: number | undefined;
    readonly usual: number;
    readonly onTaken: () => void;
    readonly signal: AbortSignal;
  },
): Promise<Opened> {
  try {
    return await open(wanted ?? usual);
  } catch (error) {
    if (wanted !== undefined || !isTaken(error)) throw error;
    signal.throwIfAborted();
    onTaken();
    return await open(0);
  }
}

function isTaken(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return [error, cause].some((one) => errorCode(one) === "EADDRINUSE");
}
