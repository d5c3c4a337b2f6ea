import { parseHttpDate } from "./http_date.ts";

/** The headers of a request, by lower-case name. */
export type AskedHeaders = Pick<Headers, "get">;

/** What identifies the present content of a resource. */
export interface Validators {
  /** Strong, with its quotes. */
  readonly etag: string;
  /** Where it is known when that changed. */
  readonly modified?: {
    /** Milliseconds since 1970. */
    readonly timeMs: number;
    /** The present, likewise. */
    readonly nowMs: number;
  };
}

/**
 * Evaluates the conditions of a GET or HEAD request in the order that RFC
 * 9110, section 13.2.2 asks for.
 *
 * @returns whether to answer as usual, with 304 or with 412
 */
export function evaluatePreconditions(
  headers: AskedHeaders,
  { etag, modified }: Validators,
): "proceed" | "not modified" | "failed" {
  const ifMatch = headers.get("if-match");
  if (ifMatch !== null) {
    if (!matches(ifMatch, etag, "strong")) return "failed";
  } else {
    if (isModified(modified, headers.get("if-unmodified-since")) === true) {
      return "failed";
    }
  }
  const ifNoneMatch = headers.get("if-none-match");
  if (ifNoneMatch !== null) {
    return matches(ifNoneMatch, etag, "weak") ? "not modified" : "proceed";
  }
  return isModified(modified, headers.get("if-modified-since")) === false
    ? "not modified"
    : "proceed";
}

/**
 * Whether the Range header counts (RFC 9110, section 13.1.5): a part of new
 * content must not be glued to a part of old content.
 *
 * @param ifRange the header If-Range: one entity tag or a date
 */
export function rangeIsWanted(
  ifRange: string | null,
  { etag, modified }: Validators,
): boolean {
  if (ifRange === null) return true;
  if (ifRange.includes('"')) return ifRange.trim() === etag;
  // "Exactly the same date": a later one says that something else is meant.
  return modified !== undefined &&
    parseHttpDate(ifRange.trim(), modified) === wholeSeconds(modified.timeMs);
}

/** Section 8.8.3.2; `*` stands for whatever there is. */
function matches(
  list: string,
  etag: string,
  comparison: "strong" | "weak",
): boolean {
  if (list.trim() === "*") return true;
  for (const [, weak, tag] of list.matchAll(/(W\/)?("[^"]*")/g)) {
    if (tag === etag && (weak === undefined || comparison === "weak")) {
      return true;
    }
  }
  return false;
}

/**
 * Whether the file changed after the date of a condition.
 *
 * @returns undefined where the condition is to be ignored
 */
function isModified(
  modified: Validators["modified"],
  since: string | null,
): boolean | undefined {
  if (modified === undefined || since === null) return undefined;
  const sinceMs = parseHttpDate(since.trim(), modified);
  return sinceMs === undefined
    ? undefined
    : wholeSeconds(modified.timeMs) > sinceMs;
}

/** A date on the wire has no fractions: neither may what it is compared with. */
function wholeSeconds(timeMs: number): number {
  return Math.floor(timeMs / 1000) * 1000;
}
