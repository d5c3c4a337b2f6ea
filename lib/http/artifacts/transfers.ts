import { type Clock, sleep } from "../../core/clock.ts";
import { MAX_BLOCK_BYTES, MIN_BLOCK_BYTES } from "./artifact_files.ts";

/** How much is sent at once, and to how many. */
export interface TransferLimits {
  /** Downloads at a time; more are refused. */
  readonly maxConnections: number;
  /** For each download, bytes per second; unset: as fast as it goes. */
  readonly maxRateBytesPerSecond?: number;
}

/** Wide enough for a rack, small against the usual limit on open files. */
export const DEFAULT_TRANSFER_LIMITS: TransferLimits = {
  maxConnections: 512,
};

/** What is sent to whom. */
export interface TransferSubject {
  /** The client's IP address. */
  readonly client: string;
  /** Such as `stable/arm64/vmlinuz`. */
  readonly artifact: string;
  /** Of the whole artifact. */
  readonly sizeBytes: number;
  /** The part that was asked for. */
  readonly offsetBytes: number;
  /** How much was asked for. */
  readonly lengthBytes: number;
}

/** A download as operators see it. */
export interface TransferState extends TransferSubject {
  /** Wall clock, milliseconds since 1970. */
  readonly startedMs: number;
  /** Handed to the network so far. */
  readonly sentBytes: number;
  /** `broken`: the client went away or was given up, or the file changed. */
  readonly state: "running" | "done" | "broken";
}

/** One download, for the body that feeds it. */
export interface Transfer {
  /** Calls back when it is over, however it ended: nothing is held then. */
  onOver(callback: () => void): void;
  /** How much to send next, at most. */
  chunkBytes(): number;
  /** How much to read from the disk at once: a power of two. */
  blockBytes(): number;
  /** How many chunks to read while the network takes one. */
  readsAhead(): number;
  /**
   * Call with a chunk at hand, before it is sent.
   *
   * @param whenStopped makes the signal that ends a wait
   * @returns what to wait for, where there is a rate limit; it rejects with
   * the signal's reason when that aborts first
   */
  release(
    countBytes: number,
    whenStopped: () => AbortSignal,
  ): Promise<void> | undefined;
  /** The body cannot go on: the client gets less than it was promised. */
  fail(): void;
}

/** Downloads in numbers, since the start. */
export interface TransferCounts {
  /** At the moment. */
  readonly running: number;
  /** How many may be. */
  readonly limit: number;
  /** Sent whole. */
  readonly done: number;
  /** Broken off, by either side. */
  readonly broken: number;
  /** Turned away, since too many were running. */
  readonly refused: number;
  /** Handed to the network. */
  readonly sentBytes: number;
}

/** The downloads of one provider. */
export interface Transfers {
  /**
   * Admits a download, or refuses it when too many are running.
   *
   * @param completed settles when the response has left or never will
   */
  begin(
    subject: TransferSubject,
    completed: Promise<unknown>,
  ): Transfer | undefined;
  /** As it stands. */
  counts(): TransferCounts;
  /** Running ones and the last that ended, newest first. */
  recent(): readonly TransferState[];
}

/** What one chunk of each download may take together. */
const CHUNK_BUDGET_BYTES = 8 * 1024 * 1024;
/** A few downloads wait for the disk; more keep each other busy. */
const MAX_READING_AHEAD = 8;
/** One client alone is as fast as the disk if the disk never waits. */
const READ_AHEAD_ALONE = 2;
/** With a rate limit, how often a chunk is sent. */
const RELEASES_PER_SECOND = 4;
/** How much a rate limit makes up for timers that fire late. */
const CATCH_UP_MS = 250;
const REMEMBERED = 20;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Keeps count of downloads and bounds them. */
export function createTransfers(
  { clock, limits }: {
    readonly clock: Clock;
    readonly limits: TransferLimits;
  },
): Transfers {
  const running = new Set<TransferState>();
  const ended: TransferState[] = [];
  const total = { done: 0, broken: 0, refused: 0, sentBytes: 0 };
  const { maxConnections, maxRateBytesPerSecond = Infinity } = limits;
  const chunkBytes = Math.max(
    1,
    Math.floor(
      Math.min(MAX_BLOCK_BYTES, maxRateBytesPerSecond / RELEASES_PER_SECOND),
    ),
  );

  function begin(
    subject: TransferSubject,
    completed: Promise<unknown>,
  ): Transfer | undefined {
    if (running.size >= maxConnections) {
      total.refused++;
      return undefined;
    }
    const state: Mutable<TransferState> = {
      ...subject,
      startedMs: clock.now(),
      sentBytes: 0,
      state: "running",
    };
    running.add(state);
    let onOver = () => {};
    let releasedMs = clock.monotonic();

    function end(): void {
      if (!running.delete(state)) return;
      const whole = state.sentBytes === state.lengthBytes;
      if (state.state === "running") state.state = whole ? "done" : "broken";
      total[state.state === "done" ? "done" : "broken"]++;
      ended.push(state);
      if (ended.length > REMEMBERED) ended.shift();
      onOver();
    }
    completed.then(end, () => {
      state.state = "broken";
      end();
    });

    function count(countBytes: number): undefined {
      state.sentBytes += countBytes;
      total.sentBytes += countBytes;
    }

    return {
      onOver(callback) {
        onOver = callback;
      },
      chunkBytes: () => chunkBytes,
      blockBytes() {
        let size = MAX_BLOCK_BYTES;
        while (
          size > MIN_BLOCK_BYTES &&
          (size / 2 >= chunkBytes || size * running.size > CHUNK_BUDGET_BYTES)
        ) size /= 2;
        return size;
      },
      readsAhead() {
        if (running.size === 1) return READ_AHEAD_ALONE;
        return running.size <= MAX_READING_AHEAD ? 1 : 0;
      },
      release(countBytes, whenStopped) {
        if (maxRateBytesPerSecond === Infinity) return count(countBytes);
        const nowMs = clock.monotonic();
        releasedMs = Math.max(nowMs - CATCH_UP_MS, releasedMs) +
          countBytes / maxRateBytesPerSecond * 1000;
        const delayMs = Math.max(0, releasedMs - nowMs);
        return sleep(clock, delayMs, { signal: whenStopped() })
          .then(() => count(countBytes));
      },
      fail() {
        state.state = "broken";
      },
    };
  }

  return {
    begin,
    counts: () => ({
      running: running.size,
      limit: maxConnections,
      ...total,
    }),
    recent: () => [...[...running].reverse(), ...ended.toReversed()],
  };
}
