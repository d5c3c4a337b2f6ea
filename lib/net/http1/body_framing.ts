import { type HeaderFields, valuesOf } from "./header_lines.ts";

/** How the body of a message is delimited (RFC 9112, section 6). */
export type BodyFraming =
  /** By nothing: a request has no body, a reply ends with its connection. */
  | { readonly kind: "none" }
  | { readonly kind: "length"; readonly lengthBytes: number }
  | { readonly kind: "chunked" };

/** Why it cannot be known where a body ends. */
export type FramingDoubt =
  | "length and coding"
  | "unknown coding"
  | "two lengths"
  | "no number";

/**
 * Reads how a body is delimited. Where two readers could understand it
 * differently, which is what attacks live on (RFC 9112, section 6.3), it counts
 * as unknown.
 *
 * @param options `repeatedLength`: whether a Content-Length may be there twice,
 * when both say the same
 */
export function readBodyFraming(
  headers: HeaderFields,
  { repeatedLength }: { readonly repeatedLength: boolean },
): BodyFraming | FramingDoubt {
  const codings = valuesOf(headers, "transfer-encoding");
  const lengths = valuesOf(headers, "content-length");
  if (codings.length > 0) {
    if (lengths.length > 0) return "length and coding";
    return codings.join(",").toLowerCase() === "chunked"
      ? { kind: "chunked" }
      : "unknown coding";
  }
  const [length, ...others] = lengths;
  if (length === undefined) return { kind: "none" };
  if (others.some((other) => !repeatedLength || other !== length)) {
    return "two lengths";
  }
  // 15 digits are exact, and more than any body.
  return /^\d{1,15}$/.test(length)
    ? { kind: "length", lengthBytes: Number(length) }
    : "no number";
}
