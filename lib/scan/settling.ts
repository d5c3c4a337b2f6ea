import type { FileInfo } from "../core/file_system.ts";

/**
 * How long a file must stay as it is before it is taken for whole. Longer than
 * a second, too: change times are told in whole seconds, so that only a file
 * that did not change in the present second is told apart from a later one.
 */
export const QUIET_MS = 2000;
/** The same for a file whose writer was seen to close it. */
export const CLOSED_QUIET_MS = 1200;
/** The same for a file that was seen growing: copies over a network pause. */
export const WRITING_QUIET_MS = 10_000;
/**
 * The same for a file whose writer was seen to make it, and not to close it. An
 * end there must be, since a close can be missed.
 */
export const OPEN_QUIET_MS = 30_000;

/** The time, both ways. */
export interface Moment {
  /** Wall clock, milliseconds since 1970: what file times are measured by. */
  readonly nowMs: number;
  /** Monotonic clock, milliseconds: what waiting is measured by. */
  readonly monotonicMs: number;
}

/**
 * What is known of who writes a file, from the events of the disk: `closed` too
 * when it was moved into place.
 */
export type WriterState = "writing" | "closed" | undefined;

/** What was seen of a file so far. All times are monotonic. */
export interface Observation {
  /** As it was when it was looked at last. */
  readonly info: FileInfo;
  /** Who wrote it then. */
  readonly writer: WriterState;
  /** Since when the content is what it is. */
  readonly contentSinceMs: number;
  /** Since when nothing about the file has changed. */
  readonly changeSinceMs: number;
  /**
   * Whether it was seen to grow or to be rewritten: `again` after its writer
   * had closed it, so that a further close does not mean the end either.
   */
  readonly rewritten: "never" | "once" | "again";
}

/**
 * Adds what a file looks like now to what was seen of it. A file that is seen
 * for the first time is taken to be as old as it says, so that what lay there
 * at start-up, or was moved in whole, need not be waited for. Once it was seen
 * to change, its own times count no more: the clock of a file server may be
 * another one.
 */
export function observe(
  previous: Observation | undefined,
  info: FileInfo,
  writer: WriterState,
  { nowMs, monotonicMs }: Moment,
): Observation {
  const isSameFile = previous?.info.device === info.device &&
    previous.info.inode === info.inode;
  if (previous === undefined || !isSameFile) {
    // A time in the future says nothing about the age.
    const since = (ms: number) => monotonicMs - Math.max(0, nowMs - ms);
    return {
      info,
      writer,
      contentSinceMs: since(info.modifiedMs),
      changeSinceMs: since(info.changedMs),
      rewritten: "never",
    };
  }
  const isSameContent = previous.info.sizeBytes === info.sizeBytes &&
    previous.info.modifiedMs === info.modifiedMs;
  if (isSameContent) {
    const isUnchanged = previous.info.changedMs === info.changedMs;
    return {
      ...previous,
      info,
      writer,
      changeSinceMs: isUnchanged ? previous.changeSinceMs : monotonicMs,
    };
  }
  const hadEnded = previous.writer === "closed" ||
    previous.rewritten === "again";
  return {
    info,
    writer,
    contentSinceMs: monotonicMs,
    changeSinceMs: monotonicMs,
    rewritten: hadEnded ? "again" : "once",
  };
}

/** From when on a file is taken for whole, on the monotonic clock. */
export function settledAtMs(observation: Observation): number {
  return Math.max(
    observation.contentSinceMs + contentQuietMs(observation),
    observation.changeSinceMs + CLOSED_QUIET_MS,
  );
}

function contentQuietMs({ info, writer, rewritten }: Observation): number {
  // A new name of a file that was there is told of like a new file.
  const isLink = info.linkCount > 1 && rewritten === "never";
  if (writer === "writing" && !isLink) return OPEN_QUIET_MS;
  if (rewritten === "again") return WRITING_QUIET_MS;
  if (writer !== undefined) return CLOSED_QUIET_MS;
  return rewritten === "once" ? WRITING_QUIET_MS : QUIET_MS;
}
