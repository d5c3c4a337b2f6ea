import type { LentBody } from "../../net/http1/http_app.ts";
import type { LentBytes, OpenArtifact } from "./artifact_files.ts";
import type { Transfer } from "./transfers.ts";

/** Made once: an error notes where it was made, which takes time. */
const OVER = new Error("the download is over");

/**
 * The bytes of an artifact from `offsetBytes` on, read as they are asked for.
 * Closes the artifact when it ends, fails or is cancelled.
 *
 * The last bytes are held back until `verify` has passed: when it throws, so
 * does `read`, the connection breaks short of its Content-Length, and the
 * client knows that what it got is worth nothing.
 *
 * @param verify throws when what was read is not what was promised
 */
export function artifactBody(
  artifact: OpenArtifact,
  { offsetBytes, lengthBytes, transfer, verify }: {
    readonly offsetBytes: number;
    readonly lengthBytes: number;
    readonly transfer: Transfer;
    readonly verify: () => Promise<void>;
  },
): LentBody {
  const endBytes = offsetBytes + lengthBytes;
  let positionBytes = offsetBytes;
  /** The client is gone or given up, or has everything. */
  let over = false;
  let stopped: AbortController | undefined;
  const ahead: Promise<LentBytes>[] = [];
  let lent: LentBytes | undefined;

  function giveBack(): void {
    lent?.[Symbol.dispose]();
    lent = undefined;
  }

  function finish(): void {
    if (over) return;
    over = true;
    stopped?.abort(OVER);
    giveBack();
    for (const coming of ahead) {
      coming.then((unwanted) => unwanted[Symbol.dispose](), () => {
        // Nothing was read, and nobody wants it.
      });
    }
    artifact[Symbol.dispose]();
  }
  transfer.onOver(finish);

  function whenStopped(): AbortSignal {
    stopped ??= new AbortController();
    return stopped.signal;
  }

  /** Begins to read what comes next. */
  function load(): void {
    const { lengthBytes, arrived } = artifact.read({
      offsetBytes: positionBytes,
      maxBytes: transfer.chunkBytes(),
      blockBytes: transfer.blockBytes(),
    });
    positionBytes += lengthBytes;
    const coming = positionBytes === endBytes ? verified(arrived) : arrived;
    coming.catch(() => {
      // Thrown again to who asks for it, if anybody still does.
    });
    ahead.push(coming);
  }

  /** The last bytes, once everything before them has been read as well. */
  async function verified(arriving: Promise<LentBytes>): Promise<LentBytes> {
    const before = [...ahead];
    const last = await arriving;
    try {
      await Promise.all(before);
      await verify();
      return last;
    } catch (error) {
      last[Symbol.dispose]();
      throw error;
    }
  }

  return {
    async read() {
      giveBack();
      if (over) throw OVER;
      try {
        if (ahead.length === 0 && positionBytes < endBytes) load();
        const next = await ahead.shift();
        if (next === undefined) {
          finish();
          return undefined;
        }
        if (over) next[Symbol.dispose]();
        if (over) throw OVER;
        lent = next;
        const depth = transfer.readsAhead();
        while (ahead.length < depth && positionBytes < endBytes) load();
        const { length } = next.bytes;
        const released = transfer.release(length, whenStopped);
        if (released !== undefined) await released;
        return next.bytes;
      } catch (error) {
        if (!over) transfer.fail();
        finish();
        throw error;
      }
    },
    get headroomBytes() {
      return lent?.headroomBytes ?? 0;
    },
    cancel: finish,
  };
}

/** For who cannot give anything back: a stream of copies. */
export function streamOf(
  body: LentBody,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      const bytes = await body.read();
      if (bytes === undefined) controller.close();
      else controller.enqueue(bytes.slice());
    },
    cancel: () => body.cancel(),
  }, { highWaterMark: 0 });
}
