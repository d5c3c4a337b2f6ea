import { HOW_TO_JOIN } from "./no_holder_reason.ts";

/** The result of a look-up by a stranger. */
export type OutsideLook =
  /** This node was found through another one. */
  | {
    readonly kind: "found";
    /**
     * How far the own clock is ahead of those of other nodes; undefined: none
     * of them tells the time.
     */
    readonly clockLeadMs?: number | undefined;
  }
  /** Another node did, and the stranger would not believe what it reads. */
  | { readonly kind: "refused"; readonly reason: string }
  /** This many other nodes answered, and none had it. */
  | { readonly kind: "absent"; readonly askedCount: number }
  /** No other node answered at all. */
  | { readonly kind: "unanswered"; readonly failures: readonly string[] };

/** Why a look-up by a stranger found nothing, as an operator needs to know it. */
export function missedReason(
  look: Exclude<OutsideLook, { kind: "found" }>,
): string {
  if (look.kind === "refused") return look.reason;
  if (look.kind === "absent") {
    return `a lookup through ${look.askedCount} other ${
      look.askedCount === 1 ? "node" : "nodes"
    } does not find it`;
  }
  const why = look.failures.slice(0, 3).join("; ");
  return `no other DHT node answers${
    why === "" ? "" : `: ${why}`
  }, ${HOW_TO_JOIN}`;
}
