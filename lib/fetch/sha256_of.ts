import { createHash } from "node:crypto";
import type { FileSystem } from "../core/file_system.ts";

const BUFFER_BYTES = 1 << 19;

/**
 * The SHA-256 of files one after the other, 64 lower-case hex digits.
 *
 * @param options `alignmentBytes`: each begins at a multiple of these, after
 * zeros. @default 1
 * @throws FileNotFoundError, FileAccessError, the signal's reason
 */
export async function sha256Of(
  paths: readonly string[],
  disk: Pick<FileSystem, "open">,
  { signal, alignmentBytes = 1 }: {
    readonly signal: AbortSignal;
    readonly alignmentBytes?: number;
  },
): Promise<string> {
  const hash = createHash("sha256");
  const buffer = new Uint8Array(BUFFER_BYTES);
  let at = 0;
  for (const path of paths) {
    const over = at % alignmentBytes;
    if (over > 0) hash.update(new Uint8Array(alignmentBytes - over));
    using file = await disk.open(path);
    for (at = 0;;) {
      signal.throwIfAborted();
      const count = await file.readAt(buffer, at);
      if (count === 0) break;
      hash.update(buffer.subarray(0, count));
      at += count;
    }
  }
  return hash.digest("hex");
}
