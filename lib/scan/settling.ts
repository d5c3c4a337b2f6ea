import type { FileInfo } from "../core/file_system.ts";

/**
 * How long a file must stay unchanged before it counts as complete. More than a
 * second: change times have whole seconds, so a file that changed within the
 * present second cannot be told from one that changes once more in it.
 */
export const QUIET_MS = 2000;
/** The same for a file whose writer was seen to close it. */
export const CLOSED_QUIET_MS = 1200;
/**
 * The same for a file that went on after it had seemed to be whole: its writer
 * closes it more than once.
 */
export const REOPENED_QUIET_MS = 10_000;
/**
 * The same for a file that is being written, as far as was seen: it was made or
 * is changing, and was not closed, or it went on several times. Copies over a
 * network pause. An end there must be, since a close can be missed.
 */
export const WRITING_QUIET_MS = 30_000;

/** The time, both ways. */
export interface Moment {
  /** Wall clock, milliseconds since 1970: what file times are measured by. */
  readonly nowMs: number;
  /** Monotonic clock, milliseconds: what waiting is measured by. */
  readonly monotonicMs: number;
}

/**
 * What events tell about a writer of the file; `closed` as well when the file
 * was moved into place.
 */
export type WriterState = "writing" | "closed" | undefined;

/** What was seen of a file so far. All times are monotonic. */
export interface Observation {
  /** What the last look saw. */
  readonly info: FileInfo;
  /** The writer at that time. */
  readonly writer: WriterState;
  readonly contentSinceMs: number;
  /** Since when nothing about the file has changed. */
  readonly changeSinceMs: number;
  /** Whether it was seen to grow or to be rewritten. */
  readonly isRewritten: boolean;
  /** Whether it counted as complete then. */
  readonly wasWhole: boolean;
  /**
   * How often it was written again after it had been closed or counted as
   * complete.
   */
  readonly reopenings: number;
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
      isRewritten: false,
      wasWhole: false,
      reopenings: 0,
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
  const hadEnded = previous.writer === "closed" || previous.wasWhole;
  return {
    info,
    writer,
    contentSinceMs: monotonicMs,
    changeSinceMs: monotonicMs,
    isRewritten: true,
    wasWhole: false,
    reopenings: previous.reopenings + (hadEnded ? 1 : 0),
  };
}

/** What is kept of a file that counted as complete. */
export function onceWhole(observation: Observation): Observation {
  return {
    ...observation,
    // The next writer is another one.
    writer: undefined,
    isRewritten: false,
    wasWhole: true,
    reopenings: 0,
  };
}

/** When a file counts as complete, on the monotonic clock. */
export function settledAtMs(observation: Observation): number {
  return Math.max(
    observation.contentSinceMs + contentQuietMs(observation),
    observation.changeSinceMs + CLOSED_QUIET_MS,
  );
}

function contentQuietMs(
  { info, writer, isRewritten, reopenings }: Observation,
): number {
  // Events for a new name of an existing file look like those for a new file.
  const isLink = info.linkCount > 1 && !isRewritten;
  const isClosed = writer === "closed" || isLink && writer === "writing";
  if (reopenings > 1 || !isClosed && (isRewritten || writer === "writing")) {
    return WRITING_QUIET_MS;
  }
  if (reopenings > 0) return REOPENED_QUIET_MS;
  return isClosed ? CLOSED_QUIET_MS : QUIET_MS;
}
