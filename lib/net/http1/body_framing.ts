import { type HeaderFields, TOKEN, valuesOf } from "./header_lines.ts";

/** How the body of a message is delimited (RFC 9112, section 6). */
export type BodyFraming =
  /**
   * Without framing: a request has no body, a reply ends with its connection.
   */
  | { readonly kind: "none" }
  | { readonly kind: "length"; readonly lengthBytes: number }
  | { readonly kind: "chunked" };

/** Why it cannot be known where a body ends. */
export type FramingDoubt =
  | "length and coding"
  | "malformed coding"
  | "chunked not last"
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
    return readCodings(codings.join(",").toLowerCase());
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

/** The names of parameters and their values are nothing to us. */
const CODING = new RegExp(`^(${TOKEN})(?:[ \\t]*;.*)?$`);

/**
 * Section 6.3: where chunked is not the last coding, or occurs twice, the end
 * of the body cannot be determined; inside may be a coding that is unknown here
 * (section 6.1).
 */
function readCodings(list: string): BodyFraming | FramingDoubt {
  const names = list.split(",")
    .map((coding) => CODING.exec(coding.replace(/^[ \t]+|[ \t]+$/g, ""))?.[1]);
  if (names.includes(undefined)) return "malformed coding";
  const chunkedAt = names.indexOf("chunked");
  if (chunkedAt >= 0 && chunkedAt < names.length - 1) return "chunked not last";
  return list === "chunked" ? { kind: "chunked" } : "unknown coding";
}
