import { createHash } from "node:crypto";
import { fillFrom } from "../core/fill_from.ts";
import { FileNotFoundError } from "../core/file_system.ts";
import type { Download, DownloadParts, Task, TaskTrouble } from "./download.ts";
import type { WritableFile } from "./fetch_disk.ts";
import { type PiecedBlob, PieceList } from "./piece_list.ts";
import { PiecePlan, type PieceRun } from "./piece_plan.ts";
import {
  copyHashed,
  discard,
  type Incoming,
  receive,
  type TwoBuffers,
  twoBuffers,
} from "./receive.ts";
import type { SourceState } from "./source_state.ts";

/** How much work a source is given at once, by what it sent lately. */
const RUN_MS = 2000;
const MAX_RUN_PIECES = 16;
/** A list is small: a source that has not sent it by then may never do so. */
const LIST_PATIENCE_MS = 2000;

const BROKEN_OFF: TaskTrouble = {
  kind: "later",
  reason: "its answer breaks off",
};

/** Where a file and its list of pieces are written. */
export interface PiecedPaths {
  /** The file, in which pieces may be missing. */
  readonly file: string;
  readonly list: string;
}

/** The list is there, and the file is open. */
interface Started {
  readonly list: PieceList;
  readonly plan: PiecePlan;
}

/**
 * A file that is verified piece by piece, from as many sources as there are.
 * Which pieces are there is read from the file itself: what it says nowhere
 * else cannot be wrong.
 */
export class PiecedDownload implements Download, Disposable {
  readonly blob: PiecedBlob;
  readonly #parts: DownloadParts;
  readonly #paths: PiecedPaths;
  #started: Started | undefined;
  /** When another source is asked for the list, by the monotonic clock. */
  #nextListMs = -Infinity;
  #starting: Promise<void> | undefined;
  /** How to end the runs that are under way. */
  readonly #stops = new Map<PieceRun, AbortController>();
  #bytes = 0;
  #isDone = false;
  /** Used by `sync` only. */
  #file: WritableFile | undefined;
  #syncing: Promise<void> | undefined;
  #syncProblem: { readonly error: unknown } | undefined;
  #finishing: Promise<void> | undefined;

  constructor(blob: PiecedBlob, paths: PiecedPaths, parts: DownloadParts) {
    this.blob = blob;
    this.#paths = paths;
    this.#parts = parts;
  }

  /** Whether it is there, verified and on the disk. */
  get isDone(): boolean {
    return this.#isDone;
  }

  get hasList(): boolean {
    return this.#started !== undefined;
  }

  /** How much of it is there. */
  get haveBytes(): number {
    return this.#bytes;
  }

  /** The list, until it is there; then the file. */
  get wanted(): string {
    return this.#started === undefined
      ? this.blob.pieces.sha256
      : this.blob.sha256;
  }

  /**
   * Reads what is there already, if the list is.
   *
   * @throws what the disk does, and the signal's reason, when it aborts first
   */
  async resume(bounds: { readonly signal: AbortSignal }): Promise<void> {
    const { disk } = this.#parts;
    try {
      const list = PieceList.asBlob(this.blob);
      const bytes = new Uint8Array(list.sizeBytes);
      using file = await disk.open(this.#paths.list);
      if (file.info().sizeBytes !== bytes.length) return;
      if (await fillFrom(file, bytes, 0) < bytes.length) return;
      const checked = PieceList.check(this.blob, bytes);
      if (checked !== undefined) await this.#start(checked, bounds);
    } catch (error) {
      if (!(error instanceof FileNotFoundError)) throw error;
    }
  }

  take(
    source: SourceState,
    { nowMs, sources }: {
      readonly nowMs: number;
      readonly sources: readonly SourceState[];
    },
  ): Task | undefined {
    if (this.#isDone || source.lacks(this.wanted)) return undefined;
    if (this.#started === undefined) return this.#takeList(source, nowMs);
    const started = this.#started;
    const run = this.#nextRun(source, started.plan, sources);
    if (run === undefined) return undefined;
    const stopping = new AbortController();
    this.#stops.set(run, stopping);
    return {
      run: async ({ signal }) => {
        try {
          const signals = [signal, stopping.signal];
          const bounds = { signal: AbortSignal.any(signals) };
          const trouble = await this.#receiveRun(source, run, started, bounds);
          if (started.plan.isDone) await (this.#finishing ??= this.#finish());
          return trouble;
        } catch (error) {
          signal.throwIfAborted();
          if (stopping.signal.aborted) return undefined;
          throw error;
        } finally {
          started.plan.release(run);
          this.#stops.delete(run);
        }
      },
    };
  }

  /** One source is asked for it, and another where that one is silent. */
  #takeList(source: SourceState, nowMs: number): Task | undefined {
    if (nowMs < this.#nextListMs) return undefined;
    this.#nextListMs = nowMs + LIST_PATIENCE_MS;
    return {
      run: (bounds) =>
        this.#receiveList(source, bounds)
          .finally(() => this.#nextListMs = -Infinity),
    };
  }

  #nextRun(
    source: SourceState,
    plan: PiecePlan,
    sources: readonly SourceState[],
  ): PieceRun | undefined {
    const others = sources.filter((one) =>
      one !== source && !one.isDropped && !one.lacks(this.wanted)
    );
    const bySpeed = Math.ceil(
      source.rate * RUN_MS / this.blob.pieces.sizeBytes,
    );
    // The last ones are for all to share.
    const fair = Math.ceil(plan.freeCount / (2 * (others.length + 1)));
    // If the file is replaced meanwhile, a provider still finishes the response
    // it has begun.
    const count = source.takesRanges && others.length > 0
      ? Math.max(1, Math.min(bySpeed, fair, MAX_RUN_PIECES))
      : Infinity;
    const run = plan.take(source.number, count);
    // Without ranges it would send the whole file for its last piece.
    if (run !== undefined || !source.takesRanges) return run;
    return plan.share(source.number, (number) => sources[number]?.rate ?? 0);
  }

  async #receiveList(
    source: SourceState,
    bounds: { readonly signal: AbortSignal },
  ): Promise<TaskTrouble | undefined> {
    const { receiving } = this.#parts;
    const list = PieceList.asBlob(this.blob);
    const bytes = new Uint8Array(list.sizeBytes);
    let isWhole = false;
    const received = await receive(source, list, {
      fromBytes: 0,
      toBytes: bytes.length,
    }, {
      receiving,
      signal: bounds.signal,
      async take({ read }) {
        let at = 0;
        for (let count: number | null = 0; count !== null;) {
          count = await read(bytes.subarray(at));
          at += count ?? 0;
          if (at === bytes.length) break;
        }
        isWhole = at === bytes.length;
      },
    });
    if (!received.ok) {
      if (received.reason.kind === "lacks") {
        source.refused(list.sha256, received.reason.reason);
      }
      return received.reason;
    }
    if (!isWhole) return BROKEN_OFF;
    const checked = PieceList.check(this.blob, bytes);
    if (checked === undefined) {
      const reason =
        `it sent a piece list other than the signed one (sha256:${list.sha256})`;
      return { kind: "wrong", reason };
    }
    source.succeeded();
    await (this.#starting ??= this.#begin(checked, bytes, bounds));
    return undefined;
  }

  async #begin(
    list: PieceList,
    bytes: Uint8Array,
    bounds: { readonly signal: AbortSignal },
  ): Promise<void> {
    const { disk } = this.#parts;
    await disk.writeAtomically(this.#paths.list, bytes, { mode: 0o644 });
    await this.#start(list, bounds);
  }

  /** Sees which pieces are there. */
  async #start(
    list: PieceList,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<void> {
    const plan = new PiecePlan(list.count);
    const file = await this.#parts.disk.openForWriting(this.#paths.file);
    this.#file = file;
    const [buffer] = twoBuffers();
    for (let piece = 0; piece < list.count; piece++) {
      signal.throwIfAborted();
      const { fromBytes, lengthBytes } = list.extentOf(piece);
      const hash = createHash("sha256");
      let at = 0;
      while (at < lengthBytes) {
        const part = buffer.subarray(0, lengthBytes - at);
        const count = await file.readAt(part, fromBytes + at);
        if (count === 0) break;
        hash.update(part.subarray(0, count));
        at += count;
      }
      if (at < lengthBytes) continue;
      if (list.matches(piece, hash.digest())) {
        plan.add(piece);
        this.#tell(lengthBytes);
      }
    }
    this.#started = { list, plan };
    if (plan.isDone) await this.#finish();
  }

  async #receiveRun(
    source: SourceState,
    run: PieceRun,
    started: Started,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<TaskTrouble | undefined> {
    const { disk, receiving } = this.#parts;
    const { fromBytes } = started.list.extentOf(run.next);
    const last = started.list.extentOf(run.end - 1);
    const toBytes = last.fromBytes + last.lengthBytes;
    using file = await disk.openForWriting(this.#paths.file);
    const buffers = twoBuffers();
    let trouble: TaskTrouble | undefined = BROKEN_OFF;
    const received = await receive(source, this.blob, { fromBytes, toBytes }, {
      receiving,
      signal,
      take: async (incoming) => {
        const before = fromBytes - incoming.offsetBytes;
        if (!await discard(incoming, before)) return;
        for (let isOver = false; !isOver;) {
          trouble = await this.#receivePiece(run.next, started.list, {
            incoming,
            file,
            buffers,
          });
          if (trouble !== undefined) return;
          source.succeeded();
          this.#add(run, started.plan);
          isOver = !started.plan.advance(run);
        }
      },
    });
    if (received.ok) return trouble;
    if (received.reason.kind === "lacks") {
      source.refused(this.wanted, received.reason.reason);
    }
    return received.reason;
  }

  /** @returns undefined when it is written and right */
  async #receivePiece(
    piece: number,
    list: PieceList,
    { incoming, file, buffers }: {
      readonly incoming: Incoming;
      readonly file: WritableFile;
      readonly buffers: TwoBuffers;
    },
  ): Promise<TaskTrouble | undefined> {
    const extent = list.extentOf(piece);
    const hash = createHash("sha256");
    let came = 0;
    let isRight = false;
    try {
      await copyHashed(incoming, file, hash, {
        ...extent,
        buffers,
        onBytes: (count) => {
          came += count;
          this.#tell(count);
        },
      });
      if (came < extent.lengthBytes) return BROKEN_OFF;
      isRight = list.matches(piece, hash.digest());
      const reason = `piece ${piece} of sha256:${this.blob.sha256} is wrong`;
      return isRight ? undefined : { kind: "wrong", reason };
    } finally {
      if (!isRight) this.#tell(-came);
    }
  }

  #add(run: PieceRun, plan: PiecePlan): void {
    if (plan.has(run.next)) {
      // Another source was faster; so the bytes count twice.
      const { sizeBytes } = this.blob.pieces;
      const fromBytes = run.next * sizeBytes;
      this.#tell(-Math.min(sizeBytes, this.blob.sizeBytes - fromBytes));
    }
    for (const lost of plan.add(run.next, run)) this.#stops.get(lost)?.abort();
    this.#syncMeanwhile();
  }

  /**
   * Has the disk write beside what is received, instead of all at the end. What
   * it has not written when the power fails is found missing by its digest.
   */
  #syncMeanwhile(): void {
    this.#syncing ??= this.#file?.sync()
      .catch((error) => this.#syncProblem ??= { error })
      .then(() => this.#syncing = undefined);
  }

  async #finish(): Promise<void> {
    await this.#syncing;
    // The system tells of it once.
    if (this.#syncProblem !== undefined) throw this.#syncProblem.error;
    // What was there may have been longer.
    await this.#file?.truncate(this.blob.sizeBytes);
    await this.#file?.sync();
    this.#isDone = true;
  }

  #tell(moreBytes: number): void {
    this.#bytes += moreBytes;
    const { blob } = this;
    this.#parts.onBytes(blob, Math.min(this.#bytes, blob.sizeBytes));
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.#file?.[Symbol.dispose]();
  }
}
