import { errorCode } from "../core/error_code.ts";
import { messageOf } from "../core/printable.ts";
import type { HttpOutcome } from "./observations.ts";

/** What became of a request that threw, by the error or one of its causes. */
export function outcomeOfError(error: unknown): HttpOutcome {
  let cause = error;
  while (cause instanceof Error) {
    if (cause.name === "TimeoutError" || errorCode(cause) === "ETIMEDOUT") {
      return { kind: "silent" };
    }
    if (errorCode(cause) === "ECONNREFUSED") return { kind: "refused" };
    cause = cause.cause;
  }
  return { kind: "failed", reason: messageOf(error) };
}

/** Whether a manifest came. */
export function isServed(outcome: HttpOutcome | undefined): boolean {
  return outcome?.kind === "answered" && outcome.status === 200;
}

/** What is said of it: a clause, with the URL's host as its subject. */
export function outcomeText(outcome: HttpOutcome | undefined): string {
  switch (outcome?.kind) {
    case undefined:
      return "was not asked";
    case "answered":
      return `answers with status ${outcome.status}`;
    case "refused":
      return "refuses the connection";
    case "silent":
      return "gives no answer";
    case "failed":
      return `cannot be asked: ${outcome.reason}`;
  }
}
