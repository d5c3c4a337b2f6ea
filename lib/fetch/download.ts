import type { FetchDisk } from "./fetch_disk.ts";
import type { Blob } from "./open_range.ts";
import type { Receiving } from "./receive.ts";
import type { SourceState } from "./source_state.ts";

/** How a task ended, but for those that did what they were to do. */
export type TaskTrouble =
  /** As in `SourceTrouble`. */
  | {
    readonly kind: "lacks" | "later";
    readonly reason: string;
    readonly delayMs?: number;
  }
  /** It sent something else than was signed: it is asked for nothing more. */
  | { readonly kind: "wrong"; readonly reason: string };

/** Something that one source is to send. */
export interface Task {
  /**
   * Has it sent.
   *
   * @returns undefined when it is there, or another source sends it now
   * @throws what the disk does, and the signal's reason, when it aborts first
   */
  run(
    bounds: { readonly signal: AbortSignal },
  ): Promise<TaskTrouble | undefined>;
}

/** A file on its way, from one source or several. */
export interface Download {
  readonly blob: Blob;
  /** Whether it is there, verified and on the disk. */
  readonly isDone: boolean;
  /** SHA-256 of what a source must have to be of use now. */
  readonly wanted: string;
  /**
   * Decides what a source sends next.
   *
   * @param options `nowMs`: monotonic; `sources`: all that are asked
   * @returns undefined when there is nothing for it to do now
   */
  take(
    source: SourceState,
    options: {
      readonly nowMs: number;
      readonly sources: readonly SourceState[];
    },
  ): Task | undefined;
}

/** What downloads share. */
export interface DownloadParts {
  /** Where they are written. */
  readonly disk: FetchDisk;
  /** Where they come from. */
  readonly receiving: Receiving;
  /** Told how much of a blob is there. */
  readonly onBytes: (blob: Blob, bytes: number) => void;
}
