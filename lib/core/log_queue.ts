import { type Clock, inTime } from "./clock.ts";

/**
 * How many characters wait at most, at a byte or two each: a provider says in
 * one go which of its tens of thousands of images it advertises.
 */
const MAX_QUEUED = 2 * 1024 * 1024;
/** How many are written at a time. */
const MAX_BATCH = 16 * 1024;
/** Goes to the start of the line and clears it (ECMA-48). */
const CLEAR_LINE = "\r\x1b[K";
/** Goes a line up, and clears that. */
const CLEAR_ABOVE = "\x1b[A\x1b[K";

/** Where the lines of a log go. */
export interface LogQueueOptions {
  /**
   * Writes some of the bytes, at least one, and says how many. May take as
   * long as it wants, and may fail.
   */
  readonly write: (bytes: Uint8Array<ArrayBuffer>) => Promise<number>;
  /** The line that says how many are missing, where they are missing. */
  readonly describeDropped: (count: number) => string;
}

/**
 * Holds the lines of a log until they are written, in order, so that nothing
 * waits for the log: neither for a reader that has stopped nor for a full disk.
 * At most 2 Mi characters wait; beyond that the oldest lines are dropped, as is
 * what a failed write did not take, and the next write that works says how many
 * were lost. On a terminal, a status line stands below the log; only its latest
 * text matters.
 */
export class LogQueue {
  readonly #options: LogQueueOptions;
  readonly #lines: string[] = [];
  #queued = 0;
  #dropped = 0;
  /** Whether the last failure left a part of a line behind. */
  #isTorn = false;
  #status = "";
  #shownStatus = "";
  #isWriting = false;
  #writtenBytes = 0;
  #idle = Promise.withResolvers<void>();

  constructor(options: LogQueueOptions) {
    this.#options = options;
  }

  /**
   * Adds a line, and never waits.
   *
   * @param line printable, without its line break
   */
  push(line: string): void {
    this.#lines.push(line);
    this.#queued += line.length;
    while (this.#queued > MAX_QUEUED) {
      this.#queued -= this.#lines.shift()?.length ?? 0;
      this.#dropped++;
    }
    this.#write();
  }

  /**
   * Sets the status line, which may have line breaks in it; an empty text takes
   * it away.
   */
  show(status: string): void {
    this.#status = status;
    this.#write();
  }

  /**
   * Waits until all is written, or until nothing was for a while: bounded by
   * its own time, since it is what a program does last.
   *
   * @param stallMs the longest time without a byte being taken
   */
  async flush(clock: Clock, stallMs: number): Promise<void> {
    if (this.#dropped > 0) this.#write({ isCountDue: true });
    while (this.#isWriting) {
      const before = this.#writtenBytes;
      await inTime(clock, stallMs, this.#idle.promise);
      if (this.#writtenBytes === before) return;
    }
  }

  async #write({ isCountDue = false } = {}): Promise<void> {
    if (this.#isWriting) return;
    this.#isWriting = true;
    while (
      isCountDue || this.#lines.length > 0 || this.#status !== this.#shownStatus
    ) {
      isCountDue = false;
      await this.#writeBatch();
    }
    this.#isWriting = false;
    this.#idle.resolve();
    this.#idle = Promise.withResolvers();
  }

  async #writeBatch(): Promise<void> {
    const dropped = this.#dropped;
    this.#dropped = 0;
    const lines = this.#takeBatch();
    if (dropped > 0) lines.unshift(this.#options.describeDropped(dropped));
    const clear = clearing(this.#shownStatus);
    this.#shownStatus = this.#status;
    const start = clear + (this.#isTorn ? "\n" : "");
    const bytes = new TextEncoder().encode(
      start + lines.map((line) => `${line}\n`).join("") + this.#shownStatus,
    );
    let done = 0;
    try {
      while (done < bytes.length) {
        const count = await this.#options.write(bytes.subarray(done));
        done += count;
        this.#writtenBytes += count;
      }
      this.#isTorn = false;
    } catch {
      // Nowhere to say it: that is what the count is for.
      if (done > 0) this.#isTorn = bytes[done - 1] !== "\n".charCodeAt(0);
      // A line break that is missing is written before anything else.
      const end = this.#isTorn ? done + 1 : done;
      const lost = linesBeyond(
        bytes.subarray(start.length, end),
        lines.length,
      );
      const isCountLost = dropped > 0 && lost === lines.length;
      this.#dropped += lost + (isCountLost ? dropped - 1 : 0);
    }
  }

  #takeBatch(): string[] {
    let count = 0;
    for (let length = 0; count < this.#lines.length; count++) {
      length += this.#lines[count]?.length ?? 0;
      if (length > MAX_BATCH && count > 0) break;
    }
    const batch = this.#lines.splice(0, count);
    for (const line of batch) this.#queued -= line.length;
    return batch;
  }
}

function clearing(status: string): string {
  if (status === "") return "";
  return CLEAR_LINE + CLEAR_ABOVE.repeat(status.split("\n").length - 1);
}

/** How many of the lines did not get as far as their line break. */
function linesBeyond(written: Uint8Array, count: number): number {
  let whole = 0;
  for (const byte of written) if (byte === "\n".charCodeAt(0)) whole++;
  // A status line may have some of its own.
  return Math.max(0, count - whole);
}
