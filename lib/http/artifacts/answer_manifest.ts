import { bytesAnswer, errorAnswer } from "../../net/http1/answers.ts";
import type { BytesAnswer } from "../../net/http1/handler.ts";
import { evaluatePreconditions } from "../../net/http1/preconditions.ts";
import {
  askedHeaders,
  type RequestHead,
} from "../../net/http1/request_head.ts";
import type { ServedImage } from "./image_catalog.ts";

/**
 * Makes what answers requests for the manifest of an image: always with the
 * same answer, unless a request has conditions.
 */
export function answerManifest(
  { manifest: { bytes, sha256 } }: ServedImage,
): (head: RequestHead) => BytesAnswer {
  const etag = `"${sha256}"`;
  const about = { "ETag": etag, "Cache-Control": "no-cache" };
  const whole = bytesAnswer(bytes, {
    headers: { ...about, "Content-Type": "application/json" },
  });
  const notModified = { ...whole, status: 304, headers: about, bytes: null };
  return (head) => {
    switch (evaluatePreconditions(askedHeaders(head), { etag })) {
      case "not modified":
        return notModified;
      case "failed":
        return errorAnswer(
          412,
          "The manifest does not meet the request's condition",
        );
      case "proceed":
        return whole;
    }
  };
}
