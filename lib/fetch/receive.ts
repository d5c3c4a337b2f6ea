import type { Hash } from "node:crypto";
import type { Clock } from "../core/clock.ts";
import { messageOf } from "../core/printable.ts";
import { ok, refuse, type Result } from "../core/result.ts";
import type { ReplyBody } from "../net/http1/reply_body.ts";
import type { WritableFile } from "./fetch_disk.ts";
import type { AskedRange } from "./judge_reply.ts";
import {
  type Asking,
  type Blob,
  openRange,
  type SourceTrouble,
} from "./open_range.ts";
import type { SourceState } from "./source_state.ts";

/** Longer than a disk takes to wake up, or a lost packet to be sent again. */
const STALL_MS = 15_000;
/** Large enough for few calls, small enough to be digested in half a millisecond. */
const BUFFER_BYTES = 1 << 19;

/** What receives from sources. */
export interface Receiving extends Asking {
  /** Finds sources that are silent for too long. */
  readonly clock: Clock;
  /** Told of all that comes, of use or not. */
  readonly onReceived: (bytes: number) => void;
}

/** Bytes that are being sent. */
export interface Incoming {
  /** Where they begin, in the blob. */
  readonly offsetBytes: number;
  /** As in `ReplyBody`; what it throws is the source's fault. */
  readonly read: ReplyBody["read"];
}

/** The source's fault: what it sends breaks off, or does not come. */
class BrokenOffError extends Error {}

/**
 * Asks a source for a part of a blob and takes what it sends. A source that
 * sends nothing for 15 s counts as one that broke off.
 *
 * @param take may read as much as it wants
 * @throws what `take` does, and the signal's reason, when it aborts first
 */
export async function receive(
  source: SourceState,
  blob: Blob,
  range: Pick<AskedRange, "fromBytes" | "toBytes">,
  { receiving, signal, take }: {
    readonly receiving: Receiving;
    readonly signal: AbortSignal;
    readonly take: (incoming: Incoming) => Promise<void>;
  },
): Promise<Result<void, SourceTrouble>> {
  const { clock, httpGet, onReceived } = receiving;
  using guard = stallGuard(clock, signal);
  try {
    const asking = { httpGet, clock, signal: guard.signal };
    const opened = await openRange(source, blob, range, asking);
    if (!opened.ok) {
      const { kind, reason } = opened.reason;
      if (kind === "lacks") source.refused(blob.sha256, reason);
      return opened;
    }
    using open = opened.value;
    source.begin(clock.monotonic());
    await take({
      offsetBytes: open.offsetBytes,
      async read(buffer) {
        guard.touch();
        const count = await open.body.read(buffer).catch((error) => {
          throw new BrokenOffError(messageOf(error));
        });
        if (count === null) return null;
        source.received(count, clock.monotonic());
        onReceived(count);
        return count;
      },
    });
    return ok(undefined);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof BrokenOffError || error === guard.signal.reason) {
      return refuse({ kind: "later", reason: messageOf(error) });
    }
    throw error;
  }
}

interface StallGuard extends Disposable {
  readonly signal: AbortSignal;
  /** Restarts the wait. */
  touch(): void;
}

/** Aborts when it has not been touched for a time; costs a timer in all of it. */
function stallGuard(clock: Clock, parent: AbortSignal): StallGuard {
  const controller = new AbortController();
  const onAbort = () => controller.abort(parent.reason);
  let touchedMs = clock.monotonic();
  const check = () => {
    const leftMs = touchedMs + STALL_MS - clock.monotonic();
    if (leftMs > 0) cancel = clock.setTimer(check, leftMs);
    else controller.abort(new Error(`nothing came for ${STALL_MS / 1000} s`));
  };
  let cancel = clock.setTimer(check, STALL_MS);
  if (parent.aborted) onAbort();
  else parent.addEventListener("abort", onAbort, { once: true });
  return {
    signal: controller.signal,
    touch: () => touchedMs = clock.monotonic(),
    [Symbol.dispose]() {
      cancel();
      parent.removeEventListener("abort", onAbort);
    },
  };
}

/** Reads and drops so many bytes. @returns whether there were as many */
export async function discard(
  { read }: Pick<Incoming, "read">,
  countBytes: number,
): Promise<boolean> {
  const buffer = new Uint8Array(Math.min(BUFFER_BYTES, countBytes));
  for (let left = countBytes; left > 0;) {
    const count = await read(buffer.subarray(0, left));
    if (count === null) return false;
    left -= count;
  }
  return true;
}

/** Two buffers: one is filled while the other is written. */
export type TwoBuffers = readonly [Uint8Array, Uint8Array];

/** Memory for one source. */
export function twoBuffers(): TwoBuffers {
  return [new Uint8Array(BUFFER_BYTES), new Uint8Array(BUFFER_BYTES)];
}

/**
 * Writes and digests received bytes while more are received.
 *
 * @param options `lengthBytes`: how much at most; `onBytes`: told what has been
 * digested, and is written or about to be
 * @returns how many bytes came
 * @throws what reading and writing do; what was digested has been written, but
 * where writing itself failed
 */
export async function copyHashed(
  { read }: Pick<Incoming, "read">,
  file: Pick<WritableFile, "writeAt">,
  hash: Hash,
  { fromBytes, lengthBytes, buffers, onBytes }: {
    readonly fromBytes: number;
    readonly lengthBytes: number;
    readonly buffers: TwoBuffers;
    readonly onBytes: (count: number) => void;
  },
): Promise<number> {
  let [buffer, other] = buffers;
  let done = 0;
  let writing = Promise.resolve();
  try {
    while (done < lengthBytes) {
      const count = await read(buffer.subarray(0, lengthBytes - done));
      if (count === null) break;
      const bytes = buffer.subarray(0, count);
      await writing;
      writing = file.writeAt(bytes, fromBytes + done);
      writing.catch(() => {
        // It is met by the next wait.
      });
      hash.update(bytes);
      done += count;
      onBytes(count);
      [buffer, other] = [other, buffer];
    }
  } finally {
    await writing;
  }
  return done;
}
