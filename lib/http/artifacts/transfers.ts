import { type Clock, sleep } from "../../core/clock.ts";
import type { Exchange } from "../../net/http1/handler.ts";
import { MAX_BLOCK_BYTES, MIN_BLOCK_BYTES } from "./artifact_files.ts";
import { Intake } from "./intake.ts";
import type { Patience } from "./patience.ts";
import { type Guest, Places } from "./places.ts";

/** How much is sent at once, and to how many. */
export interface TransferLimits {
  /** Downloads at a time; more wait, or are refused. */
  readonly maxConnections: number;
  /** For each download, bytes per second; unset: no limit. */
  readonly maxRateBytesPerSecond?: number;
}

/** Wide enough for a rack, small against the usual limit on open files. */
export const DEFAULT_TRANSFER_LIMITS: TransferLimits = {
  maxConnections: 512,
};

/** What is sent, and to which client. */
export interface TransferSubject {
  /** The client's IP address. */
  readonly client: string;
  /** Such as `stable/arm64/vmlinuz`. */
  readonly artifact: string;
  /** The size of the whole artifact. */
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
  /**
   * `broken`: the client went away or was given up, or the file changed;
   * `displaced`: it was too slow to keep its place while others waited.
   */
  readonly state: "running" | "done" | "broken" | "displaced";
}

/** Downloads in numbers, since the start. */
export interface TransferCounts {
  /** How many there are at the moment. */
  readonly running: number;
  /** How many may be. */
  readonly limit: number;
  /** Sent whole. */
  readonly done: number;
  /** Broken off, by either side. */
  readonly broken: number;
  /** Too slow to keep their places while others waited. */
  readonly displaced: number;
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

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Slows a download down to a number of bytes per second. */
class Pace {
  readonly #bytesPerSecond: number;
  #releasedMs: number;

  constructor(bytesPerSecond: number, nowMs: number) {
    this.#bytesPerSecond = bytesPerSecond;
    this.#releasedMs = nowMs;
  }

  /** How long a chunk has to wait. */
  delayMs(countBytes: number, nowMs: number): number {
    this.#releasedMs = Math.max(nowMs - CATCH_UP_MS, this.#releasedMs) +
      countBytes / this.#bytesPerSecond * 1000;
    return Math.max(0, this.#releasedMs - nowMs);
  }
}

/** One download, for the body that feeds it. */
export class Transfer implements Guest {
  readonly #clock: Clock;
  readonly #intake: Intake;
  readonly #onGiveWay: () => void;
  readonly #counts: Mutable<TransferCounts>;
  readonly #state: Mutable<TransferState>;
  readonly #chunkBytes: number;
  readonly #pace: Pace | undefined;
  #onOver = () => {};

  /**
   * One that is counted in `counts` when it is admitted.
   *
   * @param onGiveWay called when its place is given to another
   */
  constructor(
    subject: TransferSubject,
    { counts, onGiveWay, options }: {
      readonly counts: Mutable<TransferCounts>;
      readonly onGiveWay: (transfer: Transfer) => void;
      readonly options: TransfersOptions;
    },
  ) {
    const { clock, limits: { maxRateBytesPerSecond = Infinity } } = options;
    this.#clock = clock;
    this.#counts = counts;
    this.#intake = new Intake(clock.monotonic());
    this.#onGiveWay = () => onGiveWay(this);
    this.#state = {
      ...subject,
      startedMs: clock.now(),
      sentBytes: 0,
      state: "running",
    };
    const atOnce = maxRateBytesPerSecond / RELEASES_PER_SECOND;
    this.#chunkBytes = Math.floor(
      Math.max(1, Math.min(MAX_BLOCK_BYTES, atOnce)),
    );
    if (maxRateBytesPerSecond < Infinity) {
      this.#pace = new Pace(maxRateBytesPerSecond, clock.monotonic());
    }
  }

  /** As it stands. */
  get state(): TransferState {
    return this.#state;
  }

  /** See Guest. */
  get address(): string {
    return this.#state.client;
  }

  /** See Guest. */
  rate(nowMs: number): number {
    return this.#intake.rate(nowMs);
  }

  /** See Guest. */
  giveWay(): void {
    this.#state.state = "displaced";
    this.#onGiveWay();
  }

  /** The client has accepted what it was given, and waits for more. */
  waitForUs(): void {
    this.#intake.pause(this.#clock.monotonic());
  }

  /** The client has accepted this many more bytes. */
  accepted(countBytes: number): void {
    this.#intake.add(countBytes, this.#clock.monotonic());
  }

  /** Calls back when it is over, however it ended: nothing is held then. */
  onOver(callback: () => void): void {
    this.#onOver = callback;
  }

  /** How much to send next, at most. */
  chunkBytes(): number {
    return this.#chunkBytes;
  }

  /** How much to read from the disk at once: a power of two. */
  blockBytes(): number {
    const { running } = this.#counts;
    let size = MAX_BLOCK_BYTES;
    while (
      size > MIN_BLOCK_BYTES &&
      (size / 2 >= this.#chunkBytes || size * running > CHUNK_BUDGET_BYTES)
    ) size /= 2;
    return size;
  }

  /** How many chunks to read while the network takes one. */
  readsAhead(): number {
    const { running } = this.#counts;
    if (running === 1) return READ_AHEAD_ALONE;
    return running <= MAX_READING_AHEAD ? 1 : 0;
  }

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
  ): Promise<void> | undefined {
    if (this.#pace === undefined) return this.#sent(countBytes);
    const delayMs = this.#pace.delayMs(countBytes, this.#clock.monotonic());
    return sleep(this.#clock, delayMs, { signal: whenStopped() })
      .then(() => this.#sent(countBytes));
  }

  /** The body cannot go on: the client gets less than it was promised. */
  fail(): void {
    if (this.#state.state === "running") this.#state.state = "broken";
  }

  /** The response has left, or never will. */
  end(): void {
    const { state, sentBytes, lengthBytes } = this.#state;
    const ended = state !== "running"
      ? state
      : sentBytes === lengthBytes
      ? "done"
      : "broken";
    this.#state.state = ended;
    this.#counts[ended]++;
    this.#counts.running--;
    this.#onOver();
  }

  #sent(countBytes: number): undefined {
    this.#state.sentBytes += countBytes;
    this.#counts.sentBytes += countBytes;
    this.#intake.resume(this.#clock.monotonic());
  }
}

/** What downloads are bounded by. */
export interface TransfersOptions {
  /** Whose time passes. */
  readonly clock: Clock;
  /** How much, and to how many. */
  readonly limits: TransferLimits;
  /** Told of each download that has ended. */
  readonly onEnd?: (download: TransferState) => void;
}

/** The downloads of one provider: counts and bounds them. */
export class Transfers {
  readonly #options: TransfersOptions;
  readonly #counts: Mutable<TransferCounts>;
  readonly #places: Places;
  readonly #running = new Set<Transfer>();
  readonly #ended: TransferState[] = [];

  constructor(options: TransfersOptions) {
    const { clock, limits } = options;
    this.#options = options;
    this.#places = new Places({
      clock,
      limit: limits.maxConnections,
      maxRateBytesPerSecond: limits.maxRateBytesPerSecond ?? Infinity,
    });
    this.#counts = {
      running: 0,
      limit: limits.maxConnections,
      done: 0,
      broken: 0,
      displaced: 0,
      refused: 0,
      sentBytes: 0,
    };
  }

  /**
   * Admits a download, or refuses it when too many are running.
   *
   * @param exchange what the answer is part of
   * @param patience of the client, should all places be taken
   * @returns undefined when it is refused; a promise where it has to wait
   */
  begin(
    subject: TransferSubject,
    exchange: Pick<Exchange, "whenCompleted" | "close">,
    patience: Patience,
  ): Transfer | undefined | Promise<Transfer | undefined> {
    const transfer = new Transfer(subject, {
      counts: this.#counts,
      onGiveWay: () => {
        this.#end(transfer);
        exchange.close();
      },
      options: this.#options,
    });
    const admitted = this.#places.take(transfer, patience);
    exchange.whenCompleted().then(() => this.#end(transfer), () => {
      transfer.fail();
      this.#end(transfer);
    });
    return admitted === true
      ? this.#admit(transfer)
      : admitted.then((isAdmitted) => {
        if (isAdmitted) return this.#admit(transfer);
        this.#counts.refused++;
        return undefined;
      });
  }

  /** As it stands. */
  counts(): TransferCounts {
    return { ...this.#counts };
  }

  /** Running ones and the last that ended, newest first. */
  recent(): readonly TransferState[] {
    const running = Array.from(this.#running, ({ state }) => state);
    return [...this.#ended, ...running].reverse();
  }

  /** @returns undefined when it has ended meanwhile */
  #admit(transfer: Transfer): Transfer | undefined {
    if (!this.#places.holds(transfer)) return undefined;
    this.#counts.running++;
    this.#running.add(transfer);
    return transfer;
  }

  #end(transfer: Transfer): void {
    this.#places.leave(transfer);
    if (!this.#running.delete(transfer)) return;
    this.#ended.push(transfer.state);
    if (this.#ended.length > REMEMBERED) this.#ended.shift();
    transfer.end();
    this.#options.onEnd?.(transfer.state);
  }
}
