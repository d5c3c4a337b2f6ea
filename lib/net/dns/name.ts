import { ok, refuse, type Result } from "../../core/result.ts";

/**
 * A domain name as text, without the final dot: labels joined by `.`, every
 * byte of a label outside printable ASCII written `\DDD`, and `.` and `\`
 * written `\.` and `\\` (RFC 1035 section 5.1). So every name that fits on the
 * wire has exactly one text, and the text is safe to log.
 */
export type DnsName = string;

/** The longest label, RFC 1035 section 2.3.4. */
export const MAX_LABEL_BYTES = 63;

/** The longest name on the wire, lengths and final zero byte included. */
export const MAX_NAME_BYTES = 255;

const DOT = 0x2e;
const BACKSLASH = 0x5c;

/** Writes one label's bytes as a part of a name. */
export function labelText(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) {
    if (byte === DOT || byte === BACKSLASH) {
      text += `\\${String.fromCharCode(byte)}`;
    } else if (byte > 0x20 && byte < 0x7f) text += String.fromCharCode(byte);
    else text += `\\${String(byte).padStart(3, "0")}`;
  }
  return text;
}

/**
 * Splits a name into the bytes of its labels.
 *
 * @returns the reason when a label or the name is too long or empty
 */
export function nameLabels(name: DnsName): Result<Uint8Array[]> {
  const labels: Uint8Array[] = [];
  let label: number[] = [];
  let sizeBytes = 1;
  const end = (): string | undefined => {
    if (label.length === 0) return "empty label";
    if (label.length > MAX_LABEL_BYTES) return "label over 63 bytes";
    sizeBytes += label.length + 1;
    labels.push(Uint8Array.from(label));
    label = [];
    return undefined;
  };
  for (let i = 0; i < name.length; i++) {
    if (name[i] === ".") {
      const problem = end();
      if (problem !== undefined) return refuse(problem);
    } else if (name[i] === "\\") {
      const digits = /^\d{3}/.exec(name.slice(i + 1, i + 4))?.[0];
      label.push(digits === undefined ? name.charCodeAt(++i) : Number(digits));
      if (digits !== undefined) i += 3;
    } else label.push(name.charCodeAt(i));
    if ((label.at(-1) ?? 0) > 0xff) return refuse("character over 255");
  }
  if (name !== "") {
    const problem = end();
    if (problem !== undefined) return refuse(problem);
  }
  return sizeBytes > MAX_NAME_BYTES
    ? refuse("name over 255 bytes")
    : ok(labels);
}

/**
 * A name with its letters in lower case. Names that differ in the case of
 * ASCII letters only are the same (RFC 6762 section 16), so their folded
 * forms are what is compared and what keys maps.
 */
export function foldName(name: DnsName): DnsName {
  return name.toLowerCase();
}

/** Whether two names are the same whatever the case of their letters. */
export function sameName(a: DnsName, b: DnsName): boolean {
  return foldName(a) === foldName(b);
}
