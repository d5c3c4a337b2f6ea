import type * as document from "../manifest/refusal.ts";

/** Why a candidate is not taken, for programs. */
export type RefusalCode =
  /** What it answered is not accepted. */
  | document.RefusalCode
  /** Its URL is not http or https. */
  | "scheme"
  /** It leads to another host, or in a circle. */
  | "redirect"
  /** It answered with another status than 200. */
  | "status"
  /** It did not answer, or not in HTTP. */
  | "unreachable"
  /** Its answer took too long. */
  | "slow"
  /** Its answer broke off. */
  | "truncated";

/** Why a candidate is not taken. */
export interface Refusal {
  /** For programs. */
  readonly code: RefusalCode;
  /** For people: one clause, fit to be printed. */
  readonly message: string;
}

/** A candidate that was not taken. */
export interface RefusedCandidate {
  /** As it was advertised. */
  readonly manifestUrl: URL;
  /** Why. */
  readonly refusal: Refusal;
}

/** A provider that could not be asked: nothing was found there. */
const UNREACHABLE: ReadonlySet<RefusalCode> = new Set([
  "unreachable",
  "status",
]);

/** Whether there was an answer, and it was refused. */
export function isRefusedAnswer({ code }: Refusal): boolean {
  return !UNREACHABLE.has(code);
}

/** A provider that is busy or restarts in the middle of an answer. */
const UNFINISHED: ReadonlySet<RefusalCode> = new Set(["slow", "truncated"]);

/** Whether asking the same provider again may help: it may be busy. */
export function mayPass({ code }: Refusal): boolean {
  return UNREACHABLE.has(code) || UNFINISHED.has(code);
}
