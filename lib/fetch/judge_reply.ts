import type { HttpReply } from "../net/http1/reply.ts";
import { type HeaderFields, valuesOf } from "../net/http1/header_lines.ts";
import { parseHttpDate } from "../net/http1/http_date.ts";

/** What of a file was asked for. */
export interface AskedRange {
  /** Where it begins. */
  readonly fromBytes: number;
  /** Behind its last byte. */
  readonly toBytes: number;
  /** The size of the whole file. */
  readonly sizeBytes: number;
}

/** What to do with a reply. */
export type ReplyVerdict =
  /** Its body begins here and, as far as headers show, belongs to this file. */
  | {
    readonly kind: "body";
    readonly offsetBytes: number;
    readonly endBytes: number;
  }
  /** The file is at another URL of the same host. */
  | { readonly kind: "moved"; readonly url: URL }
  /** The file will not be had from this URL. */
  | { readonly kind: "none"; readonly reason: string }
  /** Later, perhaps; after this time where the server says so. */
  | {
    readonly kind: "later";
    readonly reason: string;
    readonly delayMs?: number;
  };

/**
 * Judges a reply to a request for a file or a part of it (RFC 9110): the server
 * is not trusted with more than the bytes, which are verified.
 *
 * @param url what was asked
 * @param nowMs the present, milliseconds since 1970
 */
export function judgeReply(
  { status, headers, location }: Pick<
    HttpReply,
    "status" | "headers" | "location"
  >,
  asked: AskedRange,
  { url, nowMs }: { readonly url: URL; readonly nowMs: number },
): ReplyVerdict {
  if (status === 206) return judgePart(headers, asked);
  if (status === 200) return judgeWhole(headers, asked);
  const reason = `answered ${status}`;
  if (status > 299 && status < 400 && location !== undefined) {
    const target = URL.parse(location, url);
    return target?.host === url.host && /^https?:$/.test(target.protocol)
      ? { kind: "moved", url: target }
      : { kind: "none", reason: "redirects to another host" };
  }
  // Section 15.5: such an error is the client's, and would come again; but for
  // those that are about time (sections 15.5.9, RFC 8470 and RFC 6585).
  const isAboutTime = [408, 425, 429].includes(status);
  if (status < 500 && !isAboutTime) return { kind: "none", reason };
  const delayMs = retryAfterMs(headers, nowMs);
  return { kind: "later", reason, ...delayMs !== undefined && { delayMs } };
}

/** Why a server's answer is useless. */
export const ANOTHER_FILE = "serves another file in its place";

/**
 * Section 14.4: it must begin at the requested offset, in a file of this size.
 */
function judgePart(
  headers: HeaderFields,
  { fromBytes, toBytes, sizeBytes }: AskedRange,
): ReplyVerdict {
  const [value = ""] = valuesOf(headers, "content-range");
  const [, first, last, size] =
    /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/i.exec(value) ?? [];
  const endBytes = Number(last) + 1;
  const fits = Number(first) === fromBytes && endBytes > fromBytes &&
    endBytes <= toBytes && (size === "*" || Number(size) === sizeBytes);
  return fits
    ? { kind: "body", offsetBytes: fromBytes, endBytes }
    : { kind: "none", reason: ANOTHER_FILE };
}

/** A server need not know of ranges (section 14.2). */
function judgeWhole(
  headers: HeaderFields,
  { sizeBytes }: AskedRange,
): ReplyVerdict {
  const [length] = valuesOf(headers, "content-length");
  return length === undefined || Number(length) === sizeBytes
    ? { kind: "body", offsetBytes: 0, endBytes: sizeBytes }
    : { kind: "none", reason: `serves a file of ${length} bytes in its place` };
}

/** Section 10.2.3: seconds or a date. */
function retryAfterMs(
  headers: HeaderFields,
  nowMs: number,
): number | undefined {
  const [value = ""] = valuesOf(headers, "retry-after");
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000;
  const dateMs = parseHttpDate(value, { nowMs });
  return dateMs === undefined ? undefined : Math.max(dateMs - nowMs, 0);
}

/**
 * The entity tag by which a later request for a part can say which content it
 * means (section 13.1.5).
 *
 * @returns undefined where there is none, or a weak one, which is no good for it
 */
export function strongTag(headers: HeaderFields): string | undefined {
  const [value = ""] = valuesOf(headers, "etag");
  return /^"[\x21\x23-\x7e\x80-\xff]*"$/.test(value) ? value : undefined;
}
