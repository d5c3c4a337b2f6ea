import type { TransferState } from "./transfers.ts";

const WHY = {
  running: "going on",
  broken: "broken off",
  displaced: "ended as too slow while others waited",
} as const satisfies Partial<Record<TransferState["state"], string>>;

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
    : `${sentBytes} of ${lengthBytes} bytes, then ${WHY[state]},`;
  return `Sent ${artifact} to ${client}: ${bytes} in ${seconds} s`;
}
