import type { Clock } from "../../core/clock.ts";
import type { BytesAnswer } from "../../net/http1/handler.ts";
import type { RequestHead } from "../../net/http1/request_head.ts";
import { decidePart, type DescribedContent } from "./answer_artifact.ts";
import type { NamedPieces } from "./image_lookup.ts";

/**
 * Makes what answers requests for the list of the pieces of a large file, as a
 * blob: its bytes are at hand.
 */
export function answerPieceList(
  { name, artifact, pieces: { list, sha256 } }: NamedPieces,
  clock: Clock,
): (head: RequestHead) => BytesAnswer {
  const content: DescribedContent = {
    sha256,
    mediaType: "application/octet-stream",
    info: { ...artifact.info, sizeBytes: list.length },
  };
  return (head) => {
    const decided = decidePart(
      { name: `The list of the pieces of ${name}`, content },
      head,
      {
        cacheControl: "public, max-age=31536000, immutable",
        nowMs: clock.now(),
      },
    );
    if ("bytes" in decided) return decided;
    const { status, headers, offsetBytes, lengthBytes } = decided;
    const bytes = list.subarray(offsetBytes, offsetBytes + lengthBytes);
    return { status, headers, lengthBytes, bytes };
  };
}
