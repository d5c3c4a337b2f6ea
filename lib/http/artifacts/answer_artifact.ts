import type { Clock } from "../../core/clock.ts";
import { FileAccessError, FileNotFoundError } from "../../core/file_system.ts";
import type { Logger } from "../../core/log.ts";
import { messageOf } from "../../core/printable.ts";
import { errorAnswer } from "../../net/http1/answers.ts";
import { type ByteRange, parseByteRange } from "../../net/http1/byte_range.ts";
import type {
  Answer,
  AnswerHeaders,
  BytesAnswer,
  Exchange,
} from "../../net/http1/handler.ts";
import { formatHttpDate } from "../../net/http1/http_date.ts";
import {
  evaluatePreconditions,
  rangeIsWanted,
} from "../../net/http1/preconditions.ts";
import {
  askedHeaders,
  type RequestHead,
} from "../../net/http1/request_head.ts";
import type { HashedArtifact } from "../../scan/image_files.ts";
import { ArtifactBody } from "./artifact_body.ts";
import type { ArtifactFiles, OpenArtifact } from "./artifact_files.ts";
import type { NamedArtifact } from "./image_lookup.ts";
import { patienceOf } from "./patience.ts";
import type { TransferCounts, Transfers } from "./transfers.ts";

/** What artifacts are sent with. */
export interface ArtifactSender {
  readonly files: ArtifactFiles;
  /** What bounds and counts downloads. */
  readonly transfers: Transfers;
  /** Tells the present, by which dates of two-digit years are understood. */
  readonly clock: Clock;
  /** Where problems are logged. */
  readonly logger: Logger;
}

/** Whether a URL always means the same content. */
export type CacheControl = "no-cache" | "public, max-age=31536000, immutable";

/**
 * Answers a GET or HEAD request for an artifact.
 *
 * What was hashed is what is sent: a file that is not the one that was scanned
 * (inode, size, time of change) is read first, and refused before the first byte
 * if its content differs; one that changes while it is sent breaks the
 * connection.
 */
export async function answerArtifact(
  { name, artifact }: Pick<NamedArtifact, "name" | "artifact">,
  head: RequestHead,
  { cacheControl, exchange, sender }: {
    readonly cacheControl: CacheControl;
    readonly exchange: Exchange;
    readonly sender: ArtifactSender;
  },
): Promise<Answer> {
  const nowMs = sender.clock.now();
  const content = { name, content: artifact };
  const decided = decidePart(content, head, { cacheControl, nowMs });
  if ("bytes" in decided) return decided;
  const { status, headers, offsetBytes, lengthBytes } = decided;
  const endBytes = offsetBytes + lengthBytes;
  let file: OpenArtifact | undefined;
  try {
    file = await sender.files.open(artifact, { offsetBytes, endBytes });
  } catch (error) {
    return cannotOpen(artifact, error, sender.logger);
  }
  if (file === undefined) return beingReplaced(artifact);
  if (head.method === "HEAD" || lengthBytes === 0) {
    file[Symbol.dispose]();
    return { status, headers, lengthBytes, bytes: null };
  }
  const transfer = await sender.transfers.begin(
    {
      client: exchange.client,
      artifact: name,
      sizeBytes: artifact.info.sizeBytes,
      offsetBytes,
      lengthBytes,
    },
    exchange,
    patienceOf(askedHeaders(head).get("user-agent")),
  );
  if (transfer === undefined) {
    file[Symbol.dispose]();
    return busy(sender.transfers.counts());
  }
  const body = new ArtifactBody(file, {
    offsetBytes,
    lengthBytes,
    transfer,
    async verify() {
      if (await file.isUnchanged()) return;
      sender.logger.warn(
        `"${artifact.path}" changed while it was sent: broke off the download; put new files in place by renaming`,
      );
      throw new Error(`${name} changed while it was sent`);
    },
  });
  return { status, headers, lengthBytes, body };
}

/** The part of some content that is sent. */
export interface Part {
  readonly status: 200 | 206;
  /** All but its length. */
  readonly headers: AnswerHeaders;
  /** Where it begins in the content. */
  readonly offsetBytes: number;
  /** How long it is. */
  readonly lengthBytes: number;
}

/** What is sent, as far as its headers tell. */
export type DescribedContent = Pick<
  HashedArtifact,
  "sha256" | "mediaType" | "info"
>;

/**
 * What RFC 9110 asks for: conditions (section 13), then ranges (section 14).
 *
 * @returns the answer where it has no content, else what to send
 */
export function decidePart(
  { name, content }: {
    readonly name: string;
    readonly content: DescribedContent;
  },
  head: RequestHead,
  { cacheControl, nowMs }: {
    readonly cacheControl: CacheControl;
    readonly nowMs: number;
  },
): BytesAnswer | Part {
  const asked = askedHeaders(head);
  const { sha256, mediaType, info: { sizeBytes, modifiedMs } } = content;
  const validators = {
    etag: `"${sha256}"`,
    modified: { timeMs: modifiedMs, nowMs },
  };
  const about = {
    "ETag": validators.etag,
    "Last-Modified": lastModified(content),
    "Cache-Control": cacheControl,
    "Accept-Ranges": "bytes",
  };
  const verdict = evaluatePreconditions(asked, validators);
  if (verdict === "not modified") {
    return { status: 304, headers: about, lengthBytes: sizeBytes, bytes: null };
  }
  if (verdict === "failed") {
    return errorAnswer(412, `${name} does not meet the request's condition`);
  }
  // A range means nothing to HEAD (RFC 9110, section 14.2).
  const range: ByteRange =
    head.method === "GET" && rangeIsWanted(asked.get("if-range"), validators)
      ? parseByteRange(asked.get("range"), sizeBytes)
      : { kind: "whole" };
  if (range.kind === "unsatisfiable") {
    return errorAnswer(416, `${name} has ${sizeBytes} bytes`, {
      "Content-Range": `bytes */${sizeBytes}`,
    });
  }
  const { offsetBytes, lengthBytes } = range.kind === "part"
    ? range
    : { offsetBytes: 0, lengthBytes: sizeBytes };
  const lastByte = offsetBytes + lengthBytes - 1;
  return {
    status: range.kind === "part" ? 206 : 200,
    headers: {
      ...about,
      "Content-Type": mediaType,
      "X-Content-Type-Options": "nosniff",
      ...range.kind === "part" &&
        { "Content-Range": `bytes ${offsetBytes}-${lastByte}/${sizeBytes}` },
    },
    offsetBytes,
    lengthBytes,
  };
}

const lastModifiedDates = new WeakMap<DescribedContent, string>();

/** Written out once: it is part of every range. */
function lastModified(content: DescribedContent): string {
  let date = lastModifiedDates.get(content);
  if (date === undefined) {
    date = formatHttpDate(content.info.modifiedMs);
    lastModifiedDates.set(content, date);
  }
  return date;
}

function cannotOpen(
  artifact: HashedArtifact,
  error: unknown,
  logger: Logger,
): BytesAnswer {
  if (error instanceof FileNotFoundError) return beingReplaced(artifact);
  const { filename, path } = artifact;
  logger.error(`Cannot send "${path}": ${messageOf(error)}`);
  return errorAnswer(
    500,
    error instanceof FileAccessError
      ? `This provider may not read ${filename}`
      : `This provider cannot read ${filename}`,
  );
}

/**
 * Until the next scan the manifest promises a file that is gone, or a large one
 * that was touched is held against its hash. Clients that
 * know Retry-After (iPXE does) come back when the new one is hashed.
 */
function beingReplaced({ filename }: HashedArtifact): BytesAnswer {
  return errorAnswer(
    503,
    `${filename} is being replaced or read again: fetch the manifest again`,
    { "Retry-After": "2" },
  );
}

/** Spread over a few seconds, or a whole rack would come back as one. */
function busy({ running, refused }: TransferCounts): BytesAnswer {
  const retryAfterSeconds = 2 + refused % 8;
  return errorAnswer(
    503,
    `${running} downloads are running, which is the limit: try again in ${retryAfterSeconds} s`,
    { "Retry-After": String(retryAfterSeconds) },
  );
}
