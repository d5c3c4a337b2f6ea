import { errorCode } from "../core/error_code.ts";
import { messageOf } from "../core/printable.ts";
import type { CandidateRefusal } from "../discover/candidate_refusal.ts";
import type { HttpOutcome } from "./observations.ts";

/** The outcome of a request that threw. */
export function outcomeOfError(error: unknown): HttpOutcome {
  // The outer errors only say what was tried.
  let cause = error;
  while (cause instanceof Error && cause.cause !== undefined) {
    cause = cause.cause;
  }
  if (errorCode(cause) === "ECONNREFUSED") return { kind: "refused" };
  const isLate = cause instanceof Error && cause.name === "TimeoutError";
  if (isLate || errorCode(cause) === "ETIMEDOUT") return { kind: "silent" };
  // An error without a system code is a fault found in an answer.
  const kind = errorCode(cause) === undefined ? "answered" : "failed";
  return { kind, reason: messageOf(cause) };
}

/** The outcome for a manifest that our client refused. */
export function outcomeOfRefusal(
  { code, message: reason }: CandidateRefusal,
): HttpOutcome {
  if (code === "slow") return { kind: "silent" };
  const kind = code === "unreachable" ? "failed" : "answered";
  return { kind, reason };
}

/** Whether a manifest was received. */
export function isServed(outcome: HttpOutcome | undefined): boolean {
  return outcome?.kind === "served";
}

/** The outcome as a clause, with the URL's host as its subject. */
export function outcomeText(outcome: HttpOutcome | undefined): string {
  switch (outcome?.kind) {
    case undefined:
      return "was not asked";
    case "served":
      return "answers";
    case "answered":
      return `answers wrongly: ${outcome.reason}`;
    case "refused":
      return "refuses the connection";
    case "silent":
      return "gives no answer";
    case "failed":
      return `cannot be asked: ${outcome.reason}`;
  }
}
