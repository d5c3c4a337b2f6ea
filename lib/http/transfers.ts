import { type Clock, sleep } from "../core/clock.ts";

/** How much is sent at once, and to how many. */
export interface TransferLimits {
  /** Downloads at a time; more are refused. */
  readonly maxConnections: number;
  /** For each download, bytes per second; unset: as fast as it goes. */
  readonly maxRateBytesPerSecond?: number;
  /** How long a client may take to accept a chunk before it is given up. */
  readonly stallTimeoutMs: number;
}

/** Wide enough for a rack, small against the usual limit on open files. */
export const DEFAULT_TRANSFER_LIMITS: TransferLimits = {
  maxConnections: 512,
  stallTimeoutMs: 120_000,
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
  /** `broken`: the client went away or stalled, or the file changed. */
  readonly state: "running" | "done" | "broken";
}

/** One download, for the stream that feeds it. */
export interface Transfer {
  /** Aborts when it is over, however it ended: nothing is to be held then. */
  readonly signal: AbortSignal;
  /** How much to read next, at most. */
  chunkBytes(): number;
  /** Whether to read the next chunk while the network takes this one. */
  readsAhead(): boolean;
  /**
   * Call before reading a chunk: the client has accepted the one before, and
   * is not to blame for the time that reading takes.
   */
  accepted(): void;
  /**
   * Call with a chunk at hand: waits until the rate allows it.
   *
   * @throws the signal's reason when the download is over meanwhile
   */
  release(countBytes: number): Promise<void>;
  /** The stream cannot go on: the client gets less than it was promised. */
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

/** Largest read: more does not make it faster (tests/bench/http_bench.ts). */
const MAX_CHUNK_BYTES = 256 * 1024;
/** Smallest read in a crowd: less costs more calls than it saves memory. */
const MIN_CHUNK_BYTES = 64 * 1024;
/**
 * What one chunk of each download may take together. Deno holds up to four of
 * them for a client that is slow.
 */
const CHUNK_BUDGET_BYTES = 8 * 1024 * 1024;
/** Up to so many downloads wait for the disk; more keep each other busy. */
const MAX_READING_AHEAD = 8;
/** With a rate limit, how often a chunk is sent. */
const RELEASES_PER_SECOND = 4;
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
  const { maxConnections, maxRateBytesPerSecond, stallTimeoutMs } = limits;

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
    const over = new AbortController();
    /** Since when the client has had a chunk to accept. */
    let waitingSinceMs: number | undefined;
    let cancelWatch = () => {};
    let releasedMs = clock.monotonic();

    function end(reason: string): void {
      cancelWatch();
      if (!running.delete(state)) return;
      const whole = state.sentBytes === state.lengthBytes;
      if (state.state === "running") state.state = whole ? "done" : "broken";
      total[state.state === "done" ? "done" : "broken"]++;
      ended.unshift(state);
      ended.length = Math.min(ended.length, REMEMBERED);
      over.abort(new Error(reason));
    }
    const onCompleted = () => end("the client is gone");
    completed.then(onCompleted, onCompleted);

    /** Looks again when the client could have stalled, not at every chunk. */
    function watch(delayMs: number): void {
      cancelWatch = clock.setTimer(() => {
        const waitedMs = waitingSinceMs === undefined
          ? 0
          : clock.monotonic() - waitingSinceMs;
        if (waitedMs < stallTimeoutMs) return watch(stallTimeoutMs - waitedMs);
        state.state = "broken";
        end("the client has stopped reading");
      }, delayMs);
    }
    watch(stallTimeoutMs);

    return {
      signal: over.signal,
      chunkBytes() {
        const share = Math.max(
          MIN_CHUNK_BYTES,
          CHUNK_BUDGET_BYTES / running.size,
        );
        const rate = maxRateBytesPerSecond ?? Infinity;
        const count = Math.min(
          MAX_CHUNK_BYTES,
          share,
          rate / RELEASES_PER_SECOND,
        );
        return Math.max(1, Math.floor(count));
      },
      readsAhead: () => running.size <= MAX_READING_AHEAD,
      accepted() {
        waitingSinceMs = undefined;
      },
      async release(countBytes) {
        if (maxRateBytesPerSecond !== undefined) {
          const nowMs = clock.monotonic();
          releasedMs = Math.max(nowMs, releasedMs) +
            countBytes / maxRateBytesPerSecond * 1000;
          await sleep(clock, releasedMs - nowMs, { signal: over.signal });
        }
        over.signal.throwIfAborted();
        state.sentBytes += countBytes;
        total.sentBytes += countBytes;
        waitingSinceMs = clock.monotonic();
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
    recent: () => [...[...running].reverse(), ...ended],
  };
}
