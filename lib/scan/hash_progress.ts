import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/log.ts";
import type { StatusLine } from "../core/status_line.ts";

/** What is quicker than this is not worth a line. */
const FIRST_LINE_AFTER_MS = 5000;
const LINE_INTERVAL_MS = 30_000;
/** The same for a bar, which does not stay. */
const FIRST_BAR_AFTER_MS = 500;
const BAR_INTERVAL_MS = 100;
const MAX_BAR_COLUMNS = 40;

/** How the progress of reading artifacts is reported. */
export interface HashProgressOptions {
  /** The time. */
  readonly clock: Clock;
  /** Hears now and then where there is no terminal. */
  readonly logger: Logger;
  /** Shows a bar. */
  readonly statusLine?: StatusLine | undefined;
}

/** Tells how far the reading of artifacts has got, until it is disposed of. */
export class HashProgress implements Disposable {
  readonly #options: HashProgressOptions;
  readonly #totalBytes: number;
  readonly #startMs: number;
  readonly #intervalMs: number;
  #doneBytes = 0;
  #nextMs: number;

  /**
   * Starts with nothing read.
   *
   * @param totalBytes how much is to be read
   */
  constructor(totalBytes: number, options: HashProgressOptions) {
    const { clock, statusLine } = options;
    this.#options = options;
    this.#totalBytes = totalBytes;
    this.#startMs = clock.monotonic();
    const [firstMs, intervalMs] = statusLine === undefined
      ? [FIRST_LINE_AFTER_MS, LINE_INTERVAL_MS]
      : [FIRST_BAR_AFTER_MS, BAR_INTERVAL_MS];
    this.#intervalMs = intervalMs;
    this.#nextMs = this.#startMs + firstMs;
  }

  /** Takes how much has been read since the last call. */
  add(countBytes: number): void {
    const { clock, logger, statusLine } = this.#options;
    this.#doneBytes += countBytes;
    const now = clock.monotonic();
    if (now < this.#nextMs) return;
    this.#nextMs = now + this.#intervalMs;
    const progress = {
      doneBytes: this.#doneBytes,
      totalBytes: this.#totalBytes,
      elapsedMs: now - this.#startMs,
    };
    if (statusLine === undefined) logger.info(progressText(progress));
    else statusLine.show(progressBar(progress, statusLine.columns));
  }

  /** Takes the bar away. */
  [Symbol.dispose](): void {
    this.#options.statusLine?.clear();
  }
}

/** How far it is. */
export interface Progress {
  /** More than all when files have grown meanwhile. */
  readonly doneBytes: number;
  /** As counted at the start. */
  readonly totalBytes: number;
  /** Since the start. */
  readonly elapsedMs: number;
}

/** Files may have grown since the total was taken. */
function shareOf({ doneBytes, totalBytes }: Progress): number {
  return Math.min(1, doneBytes / totalBytes);
}

function progressText(progress: Progress): string {
  const percent = Math.floor(shareOf(progress) * 100);
  const totalGb = (progress.totalBytes / 1e9).toFixed(1);
  return `Reading new artifacts: ${percent} % of ${totalGb} GB`;
}

/**
 * One line that shows how far it is and how long it will take.
 *
 * @param columns how many characters fit
 */
export function progressBar(progress: Progress, columns: number): string {
  const share = shareOf(progress);
  const { doneBytes, totalBytes, elapsedMs } = progress;
  const gbPerSecond = (doneBytes / 1e6 / elapsedMs).toFixed(1);
  const leftSeconds = Math.ceil(
    elapsedMs / 1000 * Math.max(0, totalBytes / doneBytes - 1),
  );
  const text = `${
    progressText(progress)
  }, ${gbPerSecond} GB/s, ${leftSeconds} s left`;
  const width = Math.min(MAX_BAR_COLUMNS, columns - text.length - 4);
  if (width < 1) return text.slice(0, Math.max(0, columns - 1));
  const full = Math.floor(share * width);
  return `[${"#".repeat(full)}${".".repeat(width - full)}] ${text}`;
}
