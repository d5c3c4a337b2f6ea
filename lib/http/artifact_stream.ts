import type { OpenFile } from "../core/file_system.ts";
import type { Transfer } from "./transfers.ts";

/**
 * The bytes of an open file from `offsetBytes` on, read as they are asked for.
 * Closes the file when it ends, fails or is cancelled.
 *
 * The last bytes are held back until `verify` has passed: when it throws, the
 * stream fails, the connection breaks short of its Content-Length, and the
 * client knows that what it got is worth nothing.
 *
 * @param lendChunks whether the consumer is done with a chunk when it asks for
 * the next
 * @param verify throws when what was read is not what was promised
 */
export function artifactStream(
  file: OpenFile,
  { offsetBytes, lengthBytes, transfer, lendChunks, verify }: {
    readonly offsetBytes: number;
    readonly lengthBytes: number;
    readonly transfer: Transfer;
    readonly lendChunks: boolean;
    readonly verify: () => Promise<void>;
  },
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const endBytes = offsetBytes + lengthBytes;
  let positionBytes = offsetBytes;
  let leftBytes = lengthBytes;
  /** The client is gone or given up, or has everything. */
  let over = false;
  /** A read that is under way owns the file, and closes it afterwards. */
  let reading = false;
  let ahead: Promise<Uint8Array<ArrayBuffer>> | undefined;
  let lent: Uint8Array<ArrayBuffer> | undefined;

  function finish(): void {
    if (over) return;
    over = true;
    if (!reading) file[Symbol.dispose]();
  }

  async function read(): Promise<Uint8Array<ArrayBuffer>> {
    const wanted = Math.min(transfer.chunkBytes(), endBytes - positionBytes);
    const buffer = new Uint8Array(wanted);
    reading = true;
    try {
      const count = await file.readAt(buffer, positionBytes);
      if (count === 0) throw new Error("the file has become shorter");
      positionBytes += count;
      if (positionBytes === endBytes) await verify();
      return count === wanted ? buffer : buffer.subarray(0, count);
    } finally {
      reading = false;
      if (over) file[Symbol.dispose]();
    }
  }

  function readAhead(): void {
    if (positionBytes === endBytes || !transfer.readsAhead()) return;
    ahead = read();
    ahead.catch(() => {
      // Thrown again to who takes the chunk, if anybody still does.
    });
  }

  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    start(controller) {
      transfer.signal.addEventListener("abort", () => {
        if (over) return;
        controller.error(transfer.signal.reason);
        finish();
      }, { once: true });
    },
    async pull(controller) {
      transfer.accepted();
      // The network may still be sending the last buffer, so it is not used
      // again. Detaching it frees it as soon as it has been sent, and not when
      // the garbage collector comes round: that halves the memory of a crowd.
      lent?.buffer.transfer(0);
      try {
        const chunk = await (ahead ?? read());
        ahead = undefined;
        if (over) return;
        readAhead();
        await transfer.release(chunk.length);
        if (over) return;
        if (lendChunks) lent = chunk;
        leftBytes -= chunk.length;
        controller.enqueue(chunk);
        if (leftBytes > 0) return;
        controller.close();
        finish();
      } catch (error) {
        if (over) return;
        transfer.fail();
        controller.error(error);
        finish();
      }
    },
    cancel: finish,
  }, { highWaterMark: 0 });
}
