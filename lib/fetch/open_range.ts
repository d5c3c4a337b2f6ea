import type { Clock } from "../core/clock.ts";
import { messageOf } from "../core/printable.ts";
import { ok, refuse, type Result } from "../core/result.ts";
import type { HttpGet, HttpReply } from "../net/http1/reply.ts";
import type { ReplyBody } from "../net/http1/reply_body.ts";
import {
  ANOTHER_FILE,
  type AskedRange,
  judgeReply,
  type ReplyVerdict,
  strongTag,
} from "./judge_reply.ts";
import type { SourceState } from "./source_state.ts";

/** What is named by its content. */
export interface Blob {
  /** 64 lower-case hex digits. */
  readonly sha256: string;
  /** The size of the content. */
  readonly sizeBytes: number;
  /** Where else it may be, relative to a manifest. */
  readonly urls: readonly string[];
}

/** A body that is being sent. Disposing of it ends the request. */
export interface OpenRange extends Disposable {
  /** Where the body begins; before what was asked for, where ranges are unknown. */
  readonly offsetBytes: number;
  /** Where it ends; before what was asked for, perhaps. */
  readonly endBytes: number;
  /** The bytes. */
  readonly body: ReplyBody;
}

/** Why a source does not send something. */
export type SourceTrouble =
  /** `lacks`: it does not have it, now or later. `later`: it may, soon. */
  {
    readonly kind: "lacks" | "later";
    readonly reason: string;
    /** How long to wait where the source says so. */
    readonly delayMs?: number;
  };

/** How sources are asked. */
export interface Asking {
  /** Asks one. */
  readonly httpGet: HttpGet;
  /** Tells the present. */
  readonly clock: Pick<Clock, "now">;
}

const MAX_REDIRECTS = 3;

/**
 * Asks a source for a part of a blob, at each place where it may have it: by its
 * hash first, which never means anything else.
 *
 * @throws only the signal's reason, when it aborts first
 */
export async function openRange(
  source: SourceState,
  blob: Blob,
  { fromBytes, toBytes }: Pick<AskedRange, "fromBytes" | "toBytes">,
  asking: Asking & { readonly signal: AbortSignal },
): Promise<Result<OpenRange, SourceTrouble>> {
  const asked = { fromBytes, toBytes, sizeBytes: blob.sizeBytes };
  let reason = "has no URL for it";
  for (const reference of [`/blobs/sha256/${blob.sha256}`, ...blob.urls]) {
    const url = URL.parse(reference, source.manifestUrl);
    // No valid manifest names another host; a URL on one is not requested.
    if (url?.origin !== source.manifestUrl.origin) continue;
    const opened = await openUrl(source, url, { blob, asked, asking });
    if (opened.ok || opened.reason.kind === "later") return opened;
    reason = opened.reason.reason;
  }
  return refuse({ kind: "lacks", reason });
}

async function openUrl(
  source: SourceState,
  url: URL,
  { blob, asked, asking }: {
    readonly blob: Blob;
    readonly asked: AskedRange;
    readonly asking: Asking & { readonly signal: AbortSignal };
  },
): Promise<Result<OpenRange, SourceTrouble>> {
  let at = url;
  for (let tries = 0; tries <= MAX_REDIRECTS; tries++) {
    const isPart = source.takesRanges &&
      (asked.fromBytes > 0 || asked.toBytes < asked.sizeBytes);
    const tag = source.tags.has(at.href)
      ? source.tags.get(at.href)
      // The entity tag that a provider of this project uses.
      : `"${blob.sha256}"`;
    let reply: HttpReply;
    try {
      const headers = isPart ? rangeHeaders(asked, tag) : {};
      reply = await asking.httpGet(at, { headers, signal: asking.signal });
    } catch (error) {
      asking.signal.throwIfAborted();
      return refuse({ kind: "later", reason: messageOf(error) });
    }
    const nowMs = asking.clock.now();
    const verdict = judgeReply(reply, asked, { url: at, nowMs });
    if (verdict.kind === "body") {
      const actual = strongTag(reply.headers);
      if (isOfAnother(actual, blob)) {
        reply[Symbol.dispose]();
        return refuse({ kind: "lacks", reason: ANOTHER_FILE });
      }
      source.tags.set(at.href, actual);
      if (!isPart || reply.status === 206) return openBody(reply, verdict);
      // RFC 9110 section 13.1.5: the tag is not the one given, or the server
      // sends no ranges.
      if (actual === tag || tries > 0) {
        source.takesRanges = false;
        return openBody(reply, verdict);
      }
      reply[Symbol.dispose]();
      continue;
    }
    reply[Symbol.dispose]();
    if (verdict.kind !== "moved") return refuseBy(verdict);
    at = verdict.url;
  }
  return refuse({ kind: "lacks", reason: "redirects too often" });
}

/**
 * Whether an entity tag is the digest of something else: a provider of this
 * project calls its files by their content, so that one that was replaced by
 * another of the same size shows before it is fetched.
 */
function isOfAnother(tag: string | undefined, { sha256 }: Blob): boolean {
  return tag !== undefined && /^"[0-9a-f]{64}"$/.test(tag) &&
    tag !== `"${sha256}"`;
}

function rangeHeaders(
  { fromBytes, toBytes }: AskedRange,
  tag: string | undefined,
): Record<string, string> {
  return {
    "Range": `bytes=${fromBytes}-${toBytes - 1}`,
    ...tag !== undefined && { "If-Range": tag },
  };
}

function openBody(
  reply: HttpReply,
  { offsetBytes, endBytes }: Extract<ReplyVerdict, { kind: "body" }>,
): Result<OpenRange, never> {
  return ok({
    offsetBytes,
    endBytes,
    body: reply.body,
    [Symbol.dispose]: () => reply[Symbol.dispose](),
  });
}

function refuseBy(
  verdict: Extract<ReplyVerdict, { kind: "none" | "later" }>,
): Result<never, SourceTrouble> {
  if (verdict.kind === "none") {
    return refuse({ kind: "lacks", reason: verdict.reason });
  }
  return refuse(verdict);
}
