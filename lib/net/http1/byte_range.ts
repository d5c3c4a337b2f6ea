/** What part of a file a request is after. */
export type ByteRange =
  /** All of it: no range, or one that counts as none. */
  | { readonly kind: "whole" }
  /** These bytes, at least one. */
  | {
    readonly kind: "part";
    readonly offsetBytes: number;
    readonly lengthBytes: number;
  }
  /** A range that is well formed and has no byte of this file. */
  | { readonly kind: "unsatisfiable" };

const WHOLE: ByteRange = { kind: "whole" };
const UNSATISFIABLE: ByteRange = { kind: "unsatisfiable" };

/**
 * Reads a Range header (RFC 9110, section 14.2).
 *
 * What cannot be read counts as absent, as section 14.2 allows: there is
 * firmware that sends `bytes=u-u` or positions that overflowed, and does not
 * survive a 416. Several ranges are answered with the whole file, which the
 * section allows as well. A 416 is only for a range that is well formed and
 * out of bounds.
 *
 * @param header of a GET request; for HEAD a range means nothing
 * @param sizeBytes of the whole file
 */
export function parseByteRange(
  header: string | null,
  sizeBytes: number,
): ByteRange {
  if (header === null) return WHOLE;
  const set = /^bytes=(.*)$/i.exec(header.trim())?.[1];
  if (set === undefined) return WHOLE;
  // A list may have empty elements (section 5.6.1.2).
  const specs = set.split(",").map((s) => s.trim()).filter((s) => s !== "");
  const [spec] = specs;
  if (spec === undefined || specs.length > 1) return WHOLE;
  // 20 digits hold every 64-bit number; more is no position in any file.
  const match = /^(\d{0,20})-(\d{0,20})$/.exec(spec);
  if (match === null) return WHOLE;
  const [, first = "", last = ""] = match;
  if (first === "" && last === "") return WHOLE;
  return first === ""
    ? suffix(Number(last), sizeBytes)
    : interval(first, last, sizeBytes);
}

// Positions beyond 2 ** 53 lose their last digits as numbers; no file has a
// byte there, so that it does not matter which of them they are.

/** `bytes=-500`: the last 500, or all of a shorter file. */
function suffix(length: number, sizeBytes: number): ByteRange {
  if (length === 0) return UNSATISFIABLE;
  // Satisfiable by section 14.1.2, but no Content-Range can say so.
  if (sizeBytes === 0) return WHOLE;
  const lengthBytes = Math.min(length, sizeBytes);
  return { kind: "part", offsetBytes: sizeBytes - lengthBytes, lengthBytes };
}

/** `bytes=0-499`, `bytes=500-`: a last position past the end is the end. */
function interval(first: string, last: string, sizeBytes: number): ByteRange {
  if (last !== "" && isBelow(last, first)) return WHOLE;
  const offsetBytes = Number(first);
  if (offsetBytes >= sizeBytes) return UNSATISFIABLE;
  const endBytes = last === ""
    ? sizeBytes
    : Math.min(Number(last) + 1, sizeBytes);
  return { kind: "part", offsetBytes, lengthBytes: endBytes - offsetBytes };
}

/** 15 digits are exact as numbers; big integers take ten times as long. */
function isBelow(a: string, b: string): boolean {
  return a.length <= 15 && b.length <= 15
    ? Number(a) < Number(b)
    : BigInt(a) < BigInt(b);
}
