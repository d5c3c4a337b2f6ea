/** Why a candidate is not taken. */
export interface Refusal {
  /** For machines: one word, the same for the same reason. */
  readonly code: string;
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
const UNREACHABLE: ReadonlySet<string> = new Set(["unreachable", "status"]);

/** Whether there was an answer, and it was refused. */
export function isRefusedAnswer({ code }: Refusal): boolean {
  return !UNREACHABLE.has(code);
}

/** A provider that is busy or restarts in the middle of an answer. */
const UNFINISHED: ReadonlySet<string> = new Set(["slow", "truncated"]);

/** Whether asking the same provider again may help: it may be busy. */
export function mayPass({ code }: Refusal): boolean {
  return UNREACHABLE.has(code) || UNFINISHED.has(code);
}
