import type { OpenFile } from "../core/file_system.ts";

/**
 * How much is read at once. Large enough that the reads do not limit the
 * throughput, small enough that hundreds of downloads fit in memory.
 */
const CHUNK_BYTES = 512 * 1024;

/**
 * The bytes of an open file from `offsetBytes` on, read as they are asked for.
 * Closes the file when it ends, fails or is cancelled.
 *
 * The last bytes are held back until `verify` has passed: when it throws, the
 * stream fails, the connection breaks short of its Content-Length, and the
 * client knows that what it got is worth nothing.
 *
 * @param verify throws when what was read is not what was promised
 */
export function artifactStream(
  file: OpenFile,
  { offsetBytes, lengthBytes, verify }: {
    readonly offsetBytes: number;
    readonly lengthBytes: number;
    readonly verify: () => Promise<void>;
  },
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const endBytes = offsetBytes + lengthBytes;
  let positionBytes = offsetBytes;
  let cancelled = false;
  let reading = false;

  async function readNext(): Promise<Uint8Array<ArrayBuffer>> {
    const buffer = new Uint8Array(
      Math.min(CHUNK_BYTES, endBytes - positionBytes),
    );
    const count = await file.readAt(buffer, positionBytes);
    if (count === 0) throw new Error("the file has become shorter");
    positionBytes += count;
    if (positionBytes === endBytes) await verify();
    return buffer.subarray(0, count);
  }

  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      reading = true;
      try {
        const chunk = await readNext();
        if (cancelled) return;
        controller.enqueue(chunk);
        if (positionBytes === endBytes) controller.close();
      } catch (error) {
        controller.error(error);
        positionBytes = endBytes;
      } finally {
        reading = false;
        if (cancelled || positionBytes === endBytes) file[Symbol.dispose]();
      }
    },
    // A client that goes away while a read is under way: the read still owns
    // the file, and closes it when it is done.
    cancel() {
      cancelled = true;
      if (!reading) file[Symbol.dispose]();
    },
  }, { highWaterMark: 0 });
}
