import { ok, refuse, type Result } from "../core/result.ts";

/** The longest string of a TXT record, RFC 6763 section 6.1. */
const MAX_STRING_BYTES = 255;

/**
 * Writes the attributes of a service.
 *
 * @param attributes keys of printable ASCII without `=`, in order
 * @returns the reason when one does not fit
 */
export function encodeTxt(
  attributes: Iterable<readonly [key: string, value: string]>,
): Result<Uint8Array[]> {
  const strings: Uint8Array[] = [];
  for (const [key, value] of attributes) {
    const bytes = new TextEncoder().encode(`${key}=${value}`);
    if (bytes.length > MAX_STRING_BYTES) {
      return refuse(
        `TXT attribute "${key}" is ${bytes.length} bytes long, over 255`,
      );
    }
    strings.push(bytes);
  }
  return ok(strings);
}

/**
 * Reads the attributes of a service: keys in lower case, the first of each
 * key, whatever their order (RFC 6763 section 6.4).
 *
 * @param strings from a peer; values are untrusted
 */
export function decodeTxt(
  strings: readonly Uint8Array[],
): ReadonlyMap<string, string> {
  const attributes = new Map<string, string>();
  for (const bytes of strings) {
    const text = new TextDecoder().decode(bytes);
    const [key = "", ...rest] = text.split("=");
    const folded = key.toLowerCase();
    if (folded !== "" && !attributes.has(folded)) {
      attributes.set(folded, rest.join("="));
    }
  }
  return attributes;
}
