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

/** One download that was admitted. */
class RunningTransfer implements Transfer {
  readonly #clock: Clock;
  readonly #maxRateBytesPerSecond: number;
  readonly #shared: SharedBudget;
  #sentBytes = 0;
  #isBroken = false;
  #releasedMs: number;
  #callback = () => {};

  readonly subject: TransferSubject;
  readonly startedMs: number;

  constructor(
    subject: TransferSubject,
    shared: SharedBudget,
    { clock, limits }: TransfersOptions,
  ) {
    this.subject = subject;
    this.#shared = shared;
    this.#clock = clock;
    this.#maxRateBytesPerSecond = limits.maxRateBytesPerSecond ?? Infinity;
    this.startedMs = clock.now();
    this.#releasedMs = clock.monotonic();
  }

  onOver(callback: () => void): void {
    this.#callback = callback;
  }

  chunkBytes(): number {
    const share = this.#maxRateBytesPerSecond / RELEASES_PER_SECOND;
    return Math.max(1, Math.floor(Math.min(MAX_BLOCK_BYTES, share)));
  }

  blockBytes(): number {
    let size = MAX_BLOCK_BYTES;
    while (
      size > MIN_BLOCK_BYTES &&
      (size / 2 >= this.chunkBytes() ||
        size * this.#shared.running > CHUNK_BUDGET_BYTES)
    ) size /= 2;
    return size;
  }

  readsAhead(): number {
    const { running } = this.#shared;
    if (running === 1) return READ_AHEAD_ALONE;
    return running <= MAX_READING_AHEAD ? 1 : 0;
  }

  release(
    countBytes: number,
    whenStopped: () => AbortSignal,
  ): Promise<void> | undefined {
    const rate = this.#maxRateBytesPerSecond;
    if (rate === Infinity) return this.#count(countBytes);
    const nowMs = this.#clock.monotonic();
    this.#releasedMs = Math.max(nowMs - CATCH_UP_MS, this.#releasedMs) +
      countBytes / rate * 1000;
    const delayMs = Math.max(0, this.#releasedMs - nowMs);
    return sleep(this.#clock, delayMs, { signal: whenStopped() })
      .then(() => this.#count(countBytes));
  }

  fail(): void {
    this.#isBroken = true;
  }

  /** The response has left, or never will. */
  end(): TransferState {
    const isWhole = this.#sentBytes === this.subject.lengthBytes;
    this.#callback();
    return this.state(isWhole && !this.#isBroken ? "done" : "broken");
  }

  state(state: TransferState["state"] = "running"): TransferState {
    return {
      ...this.subject,
      startedMs: this.startedMs,
      sentBytes: this.#sentBytes,
      state: this.#isBroken ? "broken" : state,
    };
  }

  #count(countBytes: number): undefined {
    this.#sentBytes += countBytes;
    this.#shared.sentBytes += countBytes;
  }
}

/** What all downloads of a provider have between them. */
interface SharedBudget {
  running: number;
  sentBytes: number;
}

/** What downloads are bounded by. */
export interface TransfersOptions {
  /** Whose time passes. */
  readonly clock: Clock;
  /** How much, and to how many. */
  readonly limits: TransferLimits;
}

/** The downloads of one provider: counts and bounds them. */
export class Transfers {
  readonly #options: TransfersOptions;
  readonly #running = new Set<RunningTransfer>();
  readonly #ended: TransferState[] = [];
  readonly #shared: SharedBudget = { running: 0, sentBytes: 0 };
  readonly #total = { done: 0, broken: 0, refused: 0 };

  /** None yet. */
  constructor(options: TransfersOptions) {
    this.#options = options;
  }

  /**
   * Admits a download, or refuses it when too many are running.
   *
   * @param completed settles when the response has left or never will
   */
  begin(
    subject: TransferSubject,
    completed: Promise<unknown>,
  ): Transfer | undefined {
    if (this.#running.size >= this.#options.limits.maxConnections) {
      this.#total.refused++;
      return undefined;
    }
    const transfer = new RunningTransfer(subject, this.#shared, this.#options);
    this.#running.add(transfer);
    this.#shared.running = this.#running.size;
    completed.then(() => this.#end(transfer), () => {
      transfer.fail();
      this.#end(transfer);
    });
    return transfer;
  }

  /** As it stands. */
  counts(): TransferCounts {
    return {
      running: this.#running.size,
      limit: this.#options.limits.maxConnections,
      ...this.#total,
      sentBytes: this.#shared.sentBytes,
    };
  }

  /** Running ones and the last that ended, newest first. */
  recent(): readonly TransferState[] {
    const running = [...this.#running].map((transfer) => transfer.state());
    return [...running.reverse(), ...this.#ended.toReversed()];
  }

  #end(transfer: RunningTransfer): void {
    this.#running.delete(transfer);
    this.#shared.running = this.#running.size;
    const state = transfer.end();
    this.#total[state.state === "done" ? "done" : "broken"]++;
    this.#ended.push(state);
    if (this.#ended.length > REMEMBERED) this.#ended.shift();
  }
}
