import { createHash } from "node:crypto";
import { ok } from "../core/result.ts";
import type { Download, DownloadParts, Task, TaskTrouble } from "./download.ts";
import type { WritableFile } from "./fetch_disk.ts";
import type { Blob } from "./open_range.ts";
import {
  copyHashed,
  discard,
  type Incoming,
  receive,
  twoBuffers,
} from "./receive.ts";
import type { SourceState } from "./source_state.ts";

/** A source that just began may be about to become fast. */
const TAKE_OVER_AFTER_MS = 1000;
/** A source that has sent nothing for so long is as good as gone. */
const SILENT_MS = 2000;
/** The gain must outweigh starting over. */
const FASTER = 2;

interface Holder {
  readonly source: SourceState;
  readonly sinceMs: number;
  lastMs: number;
  readonly stopping: AbortController;
  readonly left: Promise<void>;
}

/**
 * A file that is verified as a whole, once all of it is there. One source sends
 * it at a time: what is wrong could not be told from what is right.
 */
export class WholeDownload implements Download {
  /** What it is. */
  readonly blob: Blob;
  readonly #parts: DownloadParts;
  readonly #path: string;
  #hash = createHash("sha256");
  #offsetBytes = 0;
  #holder: Holder | undefined;
  /** The source of all that is there. */
  #sender: SourceState | undefined;
  /** Whether it proved wrong and the culprit is not known. */
  #isDisputed = false;
  #isResumed = false;
  #isDone = false;

  /** Nothing is read yet. @param path where it is written */
  constructor(blob: Blob, path: string, parts: DownloadParts) {
    this.blob = blob;
    this.#path = path;
    this.#parts = parts;
  }

  /** Whether it is there, verified and on the disk. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /** How much of it is there. */
  get haveBytes(): number {
    return this.#offsetBytes;
  }

  /** The file itself. */
  get wanted(): string {
    return this.blob.sha256;
  }

  /**
   * Reads what an earlier run has written, once, and continues from there.
   *
   * @throws what the disk does, and the signal's reason, when it aborts first
   */
  async resume({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    if (this.#isResumed) return;
    this.#isResumed = true;
    using file = await this.#parts.disk.openForWriting(this.#path);
    const [buffer] = twoBuffers();
    while (this.#offsetBytes < this.blob.sizeBytes) {
      signal.throwIfAborted();
      const wanted = this.blob.sizeBytes - this.#offsetBytes;
      const count = await file.readAt(
        buffer.subarray(0, wanted),
        this.#offsetBytes,
      );
      if (count === 0) break;
      this.#hash.update(buffer.subarray(0, count));
      this.#offsetBytes += count;
    }
    this.#tell();
    if (this.#offsetBytes === this.blob.sizeBytes) await this.#finish(file);
  }

  /** As in `Download`. */
  take(
    source: SourceState,
    { nowMs }: { readonly nowMs: number },
  ): Task | undefined {
    if (this.#isDone || source.lacks(this.wanted)) return undefined;
    const before = this.#holder;
    if (before !== undefined && !this.#isWorthTaking(before, source, nowMs)) {
      return undefined;
    }
    before?.stopping.abort();
    const { promise: left, resolve: leave } = Promise.withResolvers<void>();
    const stopping = new AbortController();
    const holder = { source, sinceMs: nowMs, lastMs: nowMs, stopping, left };
    this.#holder = holder;
    return {
      run: async ({ signal }) => {
        try {
          await before?.left;
          const signals = [signal, stopping.signal];
          return await this.#receive(holder, AbortSignal.any(signals));
        } catch (error) {
          signal.throwIfAborted();
          if (stopping.signal.aborted) return undefined;
          throw error;
        } finally {
          if (this.#holder === holder) this.#holder = undefined;
          leave();
        }
      },
    };
  }

  #isWorthTaking(holder: Holder, source: SourceState, nowMs: number): boolean {
    if (holder.source === source) return false;
    if (nowMs - holder.lastMs >= SILENT_MS) return true;
    return nowMs - holder.sinceMs >= TAKE_OVER_AFTER_MS &&
      source.rate > holder.source.rate * FASTER;
  }

  async #receive(
    holder: Holder,
    signal: AbortSignal,
  ): Promise<TaskTrouble | undefined> {
    const { source } = holder;
    const { disk, receiving } = this.#parts;
    await this.resume({ signal });
    if (this.#isDone) return undefined;
    using file = await disk.openForWriting(this.#path);
    if (this.#isDisputed && this.#sender !== source) this.#beginAnew();
    if (this.#offsetBytes === 0) this.#sender = source;
    if (this.#sender !== source) this.#sender = undefined;
    const fromBytes = this.#offsetBytes;
    const toBytes = this.blob.sizeBytes;
    let isLonger = false;
    const received = fromBytes === toBytes
      ? ok(undefined)
      : await receive(source, this.blob, { fromBytes, toBytes }, {
        receiving,
        signal,
        take: async (incoming) => {
          isLonger = await this.#write(file, incoming, holder);
        },
      });
    if (!received.ok) {
      if (received.reason.kind === "lacks") {
        source.refused(this.wanted, received.reason.reason);
      }
      return received.reason;
    }
    if (isLonger) return { kind: "wrong", reason: this.#wrong("longer than") };
    if (this.#offsetBytes < toBytes) {
      return { kind: "later", reason: "its answer breaks off" };
    }
    return await this.#finish(file);
  }

  /** @returns whether there is more than there should be */
  async #write(
    file: WritableFile,
    incoming: Incoming,
    holder: Holder,
  ): Promise<boolean> {
    const { receiving: { clock } } = this.#parts;
    const before = this.#offsetBytes - incoming.offsetBytes;
    if (!await discard(incoming, before)) return false;
    await copyHashed(incoming, file, this.#hash, {
      fromBytes: this.#offsetBytes,
      lengthBytes: this.blob.sizeBytes - this.#offsetBytes,
      buffers: twoBuffers(),
      onBytes: (count) => {
        this.#offsetBytes += count;
        holder.lastMs = clock.monotonic();
        holder.source.succeeded();
        this.#tell();
      },
    });
    return this.#offsetBytes === this.blob.sizeBytes &&
      await incoming.read(new Uint8Array(1)) !== null;
  }

  /** All bytes have arrived: verifies them, or starts over. */
  async #finish(file: WritableFile): Promise<TaskTrouble | undefined> {
    const isRight = this.#hash.digest("hex") === this.blob.sha256;
    if (isRight) {
      // What was there may have been longer.
      await file.truncate(this.blob.sizeBytes);
      await file.sync();
      this.#isDone = true;
      return undefined;
    }
    const sender = this.#sender;
    this.#isDisputed = sender === undefined;
    this.#beginAnew();
    await file.truncate(0);
    return sender === undefined
      ? undefined
      : { kind: "wrong", reason: this.#wrong("something other than") };
  }

  #wrong(what: string): string {
    return `it sent ${what} what was signed (sha256:${this.blob.sha256})`;
  }

  #beginAnew(): void {
    this.#hash = createHash("sha256");
    this.#offsetBytes = 0;
    this.#sender = undefined;
    this.#tell();
  }

  #tell(): void {
    this.#parts.onBytes(this.blob, this.#offsetBytes);
  }
}
