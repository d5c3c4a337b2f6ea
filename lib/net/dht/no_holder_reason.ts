import { printable } from "../../core/printable.ts";
import type { AnnounceOutcome } from "./announce_outcome.ts";
import type { JoinStates } from "./join_state.ts";

/** The next step where no other node answers. */
export const HOW_TO_JOIN = "name nodes to join through with --bootstrap";

/** Why no other node keeps a record, in terms of use to an operator. */
export function noHolderReason(
  { reached, failures }: AnnounceOutcome,
  joinStates: JoinStates,
): string {
  if (reached > 0) {
    const why = failures.slice(0, 3).join(", ");
    return `${reached} DHT ${reached === 1 ? "peer does" : "peers do"} ` +
      `not keep the record: ${why}, which also happens when a clock is wrong`;
  }
  const unreachable = [...joinStates].flatMap(([address, state]) =>
    state.kind === "failed" ? [`${printable(address)}: ${state.reason}`] : []
  );
  const details = unreachable.length > 0 ? unreachable : failures;
  const why = details.slice(0, 3).join("; ");
  return `no DHT peer yet${why === "" ? "" : `: ${why}`}, ${HOW_TO_JOIN}`;
}
