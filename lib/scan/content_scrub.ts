import { createHash } from "node:crypto";
import { type Clock, sleep } from "../core/clock.ts";
import { fillFrom } from "../core/fill_from.ts";
import { FileNotFoundError, type FileSystem } from "../core/file_system.ts";
import type { Logger } from "../core/log.ts";
import { messageOf } from "../core/printable.ts";
import { fileIdentity, totalBytes } from "./digest.ts";
import type { HashedArtifact } from "./image_files.ts";

/** How far the reading of everything again has got. */
export interface ScrubProgress {
  /** When all had been read last: milliseconds since 1970. */
  readonly lastEndedMs?: number;
  /** Bytes of the current pass, or of the last one. */
  readonly doneBytes: number;
  /** The same. */
  readonly totalBytes: number;
  /** Files that had another content than was promised, since the start. */
  readonly differingCount: number;
}

/** What a scrub needs, and what it calls. */
export interface ContentScrubOptions {
  /** The disk. */
  readonly fileSystem: Pick<FileSystem, "open">;
  /** The time. */
  readonly clock: Clock;
  /** Is warned of what differs, by name. */
  readonly logger: Logger;
  /** Everything that is promised at the moment. */
  readonly artifacts: () => Iterable<HashedArtifact>;
  /** Told of a file whose content is not the one that is promised. */
  readonly onDiffering: (artifact: HashedArtifact) => Promise<void>;
}

/** A start has other things to do. */
const START_AFTER_MS = 60_000;
/**
 * From the start of one pass to the start of the next, unless it takes longer.
 */
const PASS_INTERVAL_MS = 24 * 60 * 60 * 1000;
/** What is read at a time, within a millisecond or so. */
const SLICE_BYTES = 1 << 20;
/** A terabyte in a day and a half. */
const MAX_BYTES_PER_SECOND = 8 * 1024 * 1024;
/** What opening a file costs, however small it is: 32 of them in a second. */
const MIN_COST_BYTES = 256 * 1024;
/** How much longer to wait than to read, on a slow disk. */
const PAUSE_SHARE = 20;

/**
 * Slowly reads again, over and over, what was hashed: a disk may return other
 * bytes without any visible change. A file is open only while a slice of it is
 * read, so that its file system can be unmounted.
 */
export class ContentScrub {
  readonly #options: ContentScrubOptions;
  readonly #slice = new Uint8Array(SLICE_BYTES);
  #progress: ScrubProgress = { doneBytes: 0, totalBytes: 0, differingCount: 0 };

  constructor(options: ContentScrubOptions) {
    this.#options = options;
  }

  /** How far it has got. */
  get progress(): ScrubProgress {
    return this.#progress;
  }

  /** Goes on until the signal aborts. */
  async run({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    const { clock } = this.#options;
    try {
      await sleep(clock, START_AFTER_MS, { signal });
      while (true) {
        const startMs = clock.monotonic();
        await this.#pass({ signal });
        this.#progress = { ...this.#progress, lastEndedMs: clock.now() };
        const restMs = startMs + PASS_INTERVAL_MS - clock.monotonic();
        // Not at once, or an empty provider would never rest.
        await sleep(clock, Math.max(restMs, START_AFTER_MS), { signal });
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  async #pass({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    const { artifacts, logger, onDiffering } = this.#options;
    // Two images may share a file.
    const files = new Map(
      [...artifacts()].map((file) => [fileIdentity(file.info), file]),
    );
    this.#progress = {
      ...this.#progress,
      doneBytes: 0,
      totalBytes: totalBytes(files.values()),
    };
    for (const artifact of files.values()) {
      const before = this.#progress.doneBytes;
      const { path, info, sha256 } = artifact;
      try {
        const found = await this.#digest(artifact, { signal });
        if (found !== undefined && found !== sha256) {
          const differingCount = this.#progress.differingCount + 1;
          this.#progress = { ...this.#progress, differingCount };
          logger.warn(
            `"${path}" has other content than when it was hashed, although nothing shows that it changed: it is withdrawn and read again; check the disk, or what is mounted there`,
          );
          await onDiffering(artifact);
        }
      } catch (error) {
        signal.throwIfAborted();
        // Gone, as a scan sees.
        if (error instanceof FileNotFoundError) continue;
        logger.warn(`Cannot read "${path}" again: ${messageOf(error)}`);
      }
      const doneBytes = before + info.sizeBytes;
      this.#progress = { ...this.#progress, doneBytes };
    }
  }

  /** @returns undefined when it is another file by now, which a scan sees */
  async #digest(
    artifact: HashedArtifact,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<string | undefined> {
    const { clock } = this.#options;
    const hash = createHash("sha256");
    const { sizeBytes } = artifact.info;
    for (let offset = 0; offset < sizeBytes;) {
      const startMs = clock.monotonic();
      const count = await this.#readSlice(artifact, offset);
      if (count === undefined) return undefined;
      hash.update(this.#slice.subarray(0, count));
      offset += count;
      const { doneBytes } = this.#progress;
      this.#progress = { ...this.#progress, doneBytes: doneBytes + count };
      const pauseMs = Math.max(
        Math.max(count, MIN_COST_BYTES) / MAX_BYTES_PER_SECOND * 1000,
        (clock.monotonic() - startMs) * PAUSE_SHARE,
      );
      await sleep(clock, pauseMs, { signal });
    }
    return hash.digest("hex");
  }

  async #readSlice(
    { path, info }: HashedArtifact,
    offset: number,
  ): Promise<number | undefined> {
    using file = await this.#options.fileSystem.open(path);
    if (fileIdentity(file.info()) !== fileIdentity(info)) return undefined;
    const wanted = Math.min(SLICE_BYTES, info.sizeBytes - offset);
    const slice = this.#slice.subarray(0, wanted);
    const count = await fillFrom(file, slice, offset);
    return count < wanted ? undefined : count;
  }
}
