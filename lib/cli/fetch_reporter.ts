import type { ChannelArch } from "../core/channel_arch.ts";
import { formatChannelArch } from "../core/channel_arch.ts";
import type { Clock } from "../core/clock.ts";
import { DueTimer } from "../core/due_timer.ts";
import type { Logger, LogLevel } from "../core/log.ts";
import type { StatusLine } from "../core/status_line.ts";
import type { FetchEvent } from "../fetch/fetch_image.ts";
import { FetchProgress, type FileEvent } from "../fetch/progress.ts";

const BARS_INTERVAL_MS = 200;
const LINE_INTERVAL_MS = 5000;
/** Between two events of progress; anything else is reported at once. */
const EVENTS_INTERVAL_MS = 1000;

/** Takes an event for programs: what a log would say, and its parts. */
export type LogEvent = (
  level: LogLevel,
  message: string,
  members: Readonly<Record<string, unknown>>,
) => void;

/** How a running fetch is reported. */
export interface FetchReporterOptions {
  readonly image: ChannelArch;
  readonly files: readonly {
    readonly path: string;
    readonly sizeBytes: number;
  }[];
  /** The time. */
  readonly clock: Clock;
  /** Hears of sources that fail, and every five seconds of how far it is. */
  readonly logger: Logger;
  /** Shows bars, in place of the lines of the log. */
  readonly status?: StatusLine | undefined;
  /** Takes what happens for programs, in place of all else. */
  readonly logEvent?: LogEvent | undefined;
  /** Whether progress is not to be shown. */
  readonly quiet: boolean;
}

/** Tells how far a fetch is, until it is disposed of. */
export class FetchReporter implements Disposable {
  readonly #options: FetchReporterOptions;
  readonly #progress: FetchProgress;
  readonly #timer: DueTimer;
  /** The latest progress of each file that was not reported yet. */
  readonly #untold = new Map<string, FileEvent>();
  /** What was reported of a source being waited for. */
  readonly #waits = new Map<string, string>();

  constructor(options: FetchReporterOptions) {
    this.#options = options;
    this.#progress = new FetchProgress(options.files);
    this.#timer = new DueTimer(options.clock, () => this.#show());
    this.#setTimer();
  }

  /** Takes in what happened. */
  receive(event: FetchEvent): void {
    switch (event.kind) {
      case "source-failed":
        return this.#tell(
          "warn",
          `Giving up on ${event.source}: ${event.reason}`,
          {
            event: "source_failed",
            source: event.source,
            reason: event.reason,
          },
        );
      case "source-waits": {
        const { source, reason, delayMs } = event;
        if (this.#waits.get(source) === reason) return;
        this.#waits.set(source, reason);
        const seconds = Math.round(delayMs / 100) / 10;
        return this.#tell(
          "info",
          `Asking ${source} again in ${seconds} s: ${reason}`,
          { event: "source_waits", source, reason, seconds },
        );
      }
      default:
        this.#receive(event);
    }
  }

  /** Takes the bars away. */
  [Symbol.dispose](): void {
    this.#timer.set(Infinity);
    this.#options.status?.clear();
  }

  #tell(
    level: "info" | "warn",
    message: string,
    members: Readonly<Record<string, unknown>>,
  ): void {
    const { logEvent, logger } = this.#options;
    if (logEvent === undefined) logger[level](message);
    else logEvent(level, message, members);
  }

  #receive(event: FileEvent): void {
    this.#progress.receive(event, this.#options.clock.monotonic());
    if (this.#options.logEvent === undefined) return;
    if (event.kind === "progress") {
      this.#untold.set(event.path, event);
    } else {
      this.#untold.delete(event.path);
      this.#tellFile(event);
    }
  }

  #tellFile({ kind, path, bytes, sizeBytes }: FileEvent): void {
    this.#tell("info", `${path}: ${kind}, ${bytes} of ${sizeBytes} bytes`, {
      ...{ event: kind, path, bytes, size: sizeBytes },
    });
  }

  #show(): void {
    const { clock, image, logger, logEvent, status } = this.#options;
    const nowMs = clock.monotonic();
    if (logEvent !== undefined) {
      for (const event of this.#untold.values()) this.#tellFile(event);
      this.#untold.clear();
    } else if (status !== undefined) {
      status.show(this.#progress.bars(nowMs, status.columns));
    } else {
      logger.info(
        `Fetching ${formatChannelArch(image)}: ${this.#progress.line(nowMs)}`,
      );
    }
    this.#setTimer();
  }

  #setTimer(): void {
    const { clock, logEvent, quiet, status } = this.#options;
    if (quiet && logEvent === undefined) return;
    const intervalMs = logEvent !== undefined
      ? EVENTS_INTERVAL_MS
      : status !== undefined
      ? BARS_INTERVAL_MS
      : LINE_INTERVAL_MS;
    this.#timer.set(clock.monotonic() + intervalMs);
  }
}
