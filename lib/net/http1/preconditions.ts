import { parseHttpDate } from "./http_date.ts";

/** The headers of a request, by lower-case name. */
export type AskedHeaders = Pick<Headers, "get">;

/** What identifies the present content of a resource. */
export interface Validators {
  /** Strong, with its quotes. */
  readonly etag: string;
  /** Where it is known: milliseconds since 1970. */
  readonly modifiedMs?: number;
}

/**
 * Evaluates the conditions of a GET or HEAD request in the order that RFC
 * 9110, section 13.2.2 asks for.
 *
 * @returns whether to answer as usual, with 304 or with 412
 */
export function evaluatePreconditions(
  headers: AskedHeaders,
  { etag, modifiedMs }: Validators,
): "proceed" | "not modified" | "failed" {
  const ifMatch = headers.get("if-match");
  if (ifMatch !== null) {
    if (!matches(ifMatch, etag, "strong")) return "failed";
  } else {
    const since = dateOf(headers, "if-unmodified-since");
    if (isAfter(modifiedMs, since)) return "failed";
  }
  const ifNoneMatch = headers.get("if-none-match");
  if (ifNoneMatch !== null) {
    return matches(ifNoneMatch, etag, "weak") ? "not modified" : "proceed";
  }
  const since = dateOf(headers, "if-modified-since");
  return modifiedMs === undefined || since === undefined ||
      isAfter(modifiedMs, since)
    ? "proceed"
    : "not modified";
}

/**
 * Whether the Range header counts (RFC 9110, section 13.1.5): a part of new
 * content must not be glued to a part of old content.
 *
 * @param ifRange the header If-Range: one entity tag or a date
 */
export function rangeIsWanted(
  ifRange: string | null,
  { etag, modifiedMs }: Validators,
): boolean {
  if (ifRange === null) return true;
  if (ifRange.includes('"')) return ifRange.trim() === etag;
  // "Exactly the same date": a later one says that something else is meant.
  return modifiedMs !== undefined &&
    parseHttpDate(ifRange.trim()) === wholeSeconds(modifiedMs);
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

function dateOf(headers: AskedHeaders, name: string): number | undefined {
  const text = headers.get(name);
  return text === null ? undefined : parseHttpDate(text.trim());
}

function isAfter(
  modifiedMs: number | undefined,
  sinceMs: number | undefined,
): boolean {
  return modifiedMs !== undefined && sinceMs !== undefined &&
    wholeSeconds(modifiedMs) > sinceMs;
}

/** A date on the wire has no fractions: neither may what it is compared with. */
function wholeSeconds(timeMs: number): number {
  return Math.floor(timeMs / 1000) * 1000;
}
