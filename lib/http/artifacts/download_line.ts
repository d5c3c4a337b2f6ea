import type { TransferState } from "./transfers.ts";

/**
 * The access log's line of one download that has ended.
 *
 * @param nowMs wall clock, milliseconds since 1970
 */
export function downloadLine(
  { client, artifact, sentBytes, lengthBytes, state, startedMs }: TransferState,
  nowMs: number,
): string {
  const seconds = Math.max(0, (nowMs - startedMs) / 1000).toFixed(1);
  const bytes = state === "done"
    ? `${sentBytes} bytes`
    : `${sentBytes} of ${lengthBytes} bytes, then broken off,`;
  return `Sent ${artifact} to ${client}: ${bytes} in ${seconds} s`;
}
