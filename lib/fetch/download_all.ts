import { type Clock, untilAbort } from "../core/clock.ts";
import type { Download, TaskTrouble } from "./download.ts";
import type { Blob } from "./open_range.ts";
import { type SourceState, troublesOf } from "./source_state.ts";

/** Each has a connection and a mebibyte of memory; others step in for them. */
const MAX_ACTIVE = 8;
/** A slow source shows itself by nothing but time. */
const LOOK_AGAIN_MS = 500;

/** What becomes of a source. */
export type SourceEvent =
  /** It is asked for nothing more. */
  | {
    readonly kind: "source-failed";
    readonly source: string;
    readonly reason: string;
  }
  /** It is asked again later. */
  | {
    readonly kind: "source-waits";
    readonly source: string;
    readonly reason: string;
    readonly delayMs: number;
  };

/** Why some could not be fetched, as in `FetchFailure`. */
export interface DownloadFailure {
  /** `gone`: no source has a file. `sources`: none is left that could. */
  readonly kind: "gone" | "sources";
  /** Names the file, what each source did, and the next step. */
  readonly message: string;
}

/** What to fetch, from which sources, and who is notified. */
export interface DownloadAllOptions {
  /** Each is replaced by another where no source has what it wants. */
  readonly downloads: readonly Download[];
  /** The best first; there may be more each time. */
  readonly sources: () => readonly SourceState[];
  /** Whose time passes. */
  readonly clock: Clock;
  /** Told of sources that fail. */
  readonly onEvent: (event: SourceEvent) => void;
  /**
   * Another way to have a file, where no source has what the first one needs.
   *
   * @returns undefined where there is none
   */
  readonly fallBack: (download: Download) => Download | undefined;
  /** The name of a file in messages. */
  readonly nameOf: (blob: Blob) => string;
  /** Called once for each download, when it is there. */
  readonly onDone: (download: Download) => void;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/**
 * Fetches the missing files from all sources at once.
 *
 * @returns why not all could be had; undefined when all is there
 * @throws what the disk does, and the signal's reason, when it aborts first
 */
export async function downloadAll(
  options: DownloadAllOptions,
): Promise<DownloadFailure | undefined> {
  const run = new DownloadRun(options);
  run.settle();
  await Promise.all(Array.from({ length: MAX_ACTIVE }, () => run.work()));
  options.signal.throwIfAborted();
  return run.result();
}

class DownloadRun {
  readonly #options: DownloadAllOptions;
  readonly #missing: Set<Download>;
  /** Aborts when all is over, well or not. */
  readonly #over = new AbortController();
  readonly #signal: AbortSignal;
  readonly #served = new Set<SourceState>();
  #news = new AbortController();
  #failure: DownloadFailure | undefined;
  #problem: { readonly error: unknown } | undefined;

  constructor(options: DownloadAllOptions) {
    this.#options = options;
    this.#missing = new Set(options.downloads);
    this.#signal = AbortSignal.any([options.signal, this.#over.signal]);
  }

  result(): DownloadFailure | undefined {
    if (this.#problem !== undefined) throw this.#problem.error;
    return this.#failure;
  }

  /** Asks one source for one thing after the other, as long as it is useful. */
  async work(): Promise<void> {
    const { clock } = this.#options;
    try {
      while (!this.#signal.aborted) {
        const news = this.#news.signal;
        const source = this.#options.sources().find((one) =>
          !this.#served.has(one) && this.#isOfUse(one)
        );
        if (source !== undefined) await this.#serve(source);
        else await untilAbort(clock, LOOK_AGAIN_MS, [news, this.#signal]);
      }
    } catch (error) {
      if (!this.#signal.aborted) this.#problem = { error };
      this.#over.abort();
    }
  }

  async #serve(source: SourceState): Promise<void> {
    const { clock } = this.#options;
    this.#served.add(source);
    while (!this.#signal.aborted && this.#isOfUse(source)) {
      const news = this.#news.signal;
      const nowMs = clock.monotonic();
      const sources = this.#options.sources();
      const task = this.#firstTask((one) =>
        one.take(source, { nowMs, sources })
      );
      if (task === undefined) {
        await untilAbort(clock, LOOK_AGAIN_MS, [news, this.#signal]);
        continue;
      }
      const trouble = await task.run({ signal: this.#signal });
      const delayMs = this.#judge(source, trouble);
      this.settle();
      if (delayMs > 0) await untilAbort(clock, delayMs, [this.#signal]);
    }
    this.#served.delete(source);
  }

  #firstTask<T>(take: (download: Download) => T | undefined): T | undefined {
    for (const download of this.#missing) {
      const task = take(download);
      if (task !== undefined) return task;
    }
    return undefined;
  }

  #isOfUse(source: SourceState): boolean {
    return !source.isDropped &&
      [...this.#missing].some(({ blob }) => !source.lacks(blob.sha256));
  }

  /** @returns how long to leave it alone */
  #judge(source: SourceState, trouble: TaskTrouble | undefined): number {
    const { onEvent } = this.#options;
    if (trouble === undefined) return 0;
    const { kind, reason } = trouble;
    if (kind === "lacks") return 0;
    source.trouble = reason;
    const delayMs = kind === "wrong" ? undefined : source.failed(reason, {
      askedMs: trouble.delayMs,
      random: Math.random(),
    });
    if (delayMs === undefined) {
      source.isDropped = true;
      onEvent({ kind: "source-failed", source: source.name, reason });
      return 0;
    }
    onEvent({ kind: "source-waits", source: source.name, reason, delayMs });
    return delayMs;
  }

  /** Ends downloads that are complete, and those that no source can serve. */
  settle(): void {
    const { fallBack, onDone } = this.#options;
    for (const download of [...this.#missing]) {
      if (download.isDone) {
        this.#missing.delete(download);
        onDone(download);
      } else if (!this.#sources(download).some(({ isDropped }) => !isDropped)) {
        const other = fallBack(download);
        if (other === undefined) this.#failure ??= this.#failureOf(download);
        else this.#missing.delete(download);
        if (other !== undefined) this.#missing.add(other);
      }
    }
    if (this.#missing.size === 0 || this.#failure !== undefined) {
      this.#over.abort();
    }
    const news = this.#news;
    this.#news = new AbortController();
    news.abort();
  }

  /** The sources that may have what a download wants. */
  #sources({ wanted }: Download): SourceState[] {
    return this.#options.sources().filter((one) => !one.lacks(wanted));
  }

  #failureOf(download: Download): DownloadFailure {
    const { nameOf } = this.#options;
    const sources = this.#options.sources();
    const name = nameOf(download.blob);
    const reasons = troublesOf(sources).join("; ");
    const isGone = sources.some(({ isDropped }) => !isDropped);
    return isGone
      ? {
        kind: "gone",
        message:
          `No provider has "${name}" (${reasons}): fetch the manifest again, since the image may have been replaced`,
      }
      : {
        kind: "sources",
        message:
          `Cannot fetch "${name}" from any provider (${reasons}): try again, what is there already is kept`,
      };
  }
}
