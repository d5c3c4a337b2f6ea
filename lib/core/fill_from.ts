import type { OpenFile } from "./file_system.ts";

/**
 * Fills a buffer with what a file has from a position on.
 *
 * @returns how many bytes there were: fewer where the file ends before
 */
export async function fillFrom(
  file: Pick<OpenFile, "readAt">,
  buffer: Uint8Array,
  offsetBytes: number,
): Promise<number> {
  let done = 0;
  while (done < buffer.length) {
    const rest = done === 0 ? buffer : buffer.subarray(done);
    const count = await file.readAt(rest, offsetBytes + done);
    if (count === 0) break;
    done += count;
  }
  return done;
}
