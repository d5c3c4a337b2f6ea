import {
  type ChannelArch,
  formatChannelArch,
  sameImage,
} from "../core/channel_arch.ts";
import type { Clock } from "../core/clock.ts";
import type { FileSystem } from "../core/file_system.ts";
import { messageOf } from "../core/printable.ts";
import { checksumProblem } from "./checksums.ts";
import { artifactFiles, isUnchanged } from "./digest.ts";
import type { DigestCache } from "./digest_cache.ts";
import { HashProgress, type HashProgressOptions } from "./hash_progress.ts";
import type { HashedImage, ImageFiles } from "./image_files.ts";
import {
  type MissingImage,
  scanAvailable,
  type ScanSettings,
} from "./scan_available.ts";
import { PrivateKeyCheck } from "./private_keys.ts";
import type { WriterState } from "./settling.ts";
import { SettlingFiles } from "./settling_files.ts";

/** What is on disk and can be promised. */
export interface TreeLook {
  /** Whole and hashed, in the order of the scan. */
  readonly hashed: readonly HashedImage[];
  /** Expected, and not there. */
  readonly missing: readonly MissingImage[];
  /** What was passed over and why: whole sentences for the log. */
  readonly warnings: readonly string[];
}

/** A file that could not be read is tried again after this time. */
const RETRY_MS = 5000;
/** What was read for longer than this is not lost when the program is killed. */
const SAVE_INTERVAL_MS = 10_000;

interface Failure {
  readonly warning: string;
  readonly retryAtMs: number;
}

/**
 * The images on disk from one look to the next: a look is quick and reads no
 * artifact; what has settled and was never read is read in between.
 */
export class ImageTree {
  readonly #fileSystem: FileSystem;
  readonly #clock: Clock;
  readonly #progress: HashProgressOptions;
  readonly #digests: DigestCache;
  readonly #settling: SettlingFiles;
  readonly #privateKeys = new PrivateKeyCheck();
  readonly #failures = new Map<string, Failure>();
  #hashed: readonly HashedImage[] = [];
  #pending: readonly ImageFiles[] = [];

  /**
   * Nothing is known until the first `look()`.
   *
   * @param options are told how far long reading has got, too
   */
  constructor(
    { fileSystem, digests, ...progress }: HashProgressOptions & {
      readonly fileSystem: FileSystem;
      readonly digests: DigestCache;
    },
  ) {
    const { clock } = progress;
    this.#fileSystem = fileSystem;
    this.#clock = clock;
    this.#progress = progress;
    this.#digests = digests;
    this.#settling = new SettlingFiles(clock);
  }

  /** Takes note of an event of the disk. */
  noteWriter(path: string, writer: WriterState): void {
    this.#settling.noteWriter(path, writer);
  }

  /** Whether there is an image to be hashed. */
  get hasPending(): boolean {
    return this.#pending.length > 0;
  }

  /** In how many milliseconds another look will find more, if it will. */
  get lookAgainInMs(): number | undefined {
    const now = this.#clock.monotonic();
    // What is due already is pending, and needs no other look.
    const times = [...this.#failures.values()]
      .map(({ retryAtMs }) => retryAtMs - now).filter((inMs) => inMs > 0);
    const { settlesInMs } = this.#settling;
    if (settlesInMs !== undefined) times.push(settlesInMs);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /**
   * Looks at names and sizes. An image whose files are all as they were is
   * kept although more of them are being added, or others have come in their
   * place: it gives way when those are hashed, at once.
   *
   * @throws UserError when the artifacts directory itself cannot be read
   */
  async look(
    settings: ScanSettings,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<TreeLook> {
    const scan = await scanAvailable(settings, this.#fileSystem, {
      privateKeys: this.#privateKeys,
      signal,
    });
    const settled = new Set(this.#settling.settled(scan.available));
    const now = this.#clock.monotonic();
    const mismatches: string[] = [];
    const hashed: HashedImage[] = [];
    const pending: ImageFiles[] = [];
    for (const files of scan.available) {
      const known = settled.has(files)
        ? await this.#digests.find(files)
        : undefined;
      const problem = known === undefined ? undefined : checksumProblem(known);
      if (problem !== undefined) {
        const name = formatChannelArch(files.image);
        mismatches.push(`Cannot offer ${name}: ${problem}`);
        continue;
      }
      const image = known ?? await this.#stillWhole(files);
      if (image !== undefined) hashed.push(image);
      const failure = this.#failures.get(formatChannelArch(files.image));
      if (
        known === undefined && settled.has(files) &&
        (failure === undefined || failure.retryAtMs <= now)
      ) pending.push(files);
    }
    this.#forgetFailures(scan.available.map(({ image }) => image));
    this.#hashed = hashed;
    this.#pending = pending;
    this.#digests.keepOnly([...scan.available, ...hashed]);
    await this.#digests.save();
    const failed = [...this.#failures.values()].map(({ warning }) => warning);
    return {
      hashed,
      missing: scan.missing,
      warnings: [...scan.warnings, ...mismatches, ...failed],
    };
  }

  /**
   * Reads what the last look found new. Trouble with one image leaves the
   * others alone, and is told by the next look.
   *
   * @throws the signal's reason, when it aborts
   */
  async hashPending(
    { signal }: { readonly signal: AbortSignal },
  ): Promise<void> {
    const pending = this.#pending;
    const totalBytes = pending
      .reduce((sum, files) => sum + this.#digests.unreadBytes(files), 0);
    using progress = new HashProgress(totalBytes, this.#progress);
    const onRead = (countBytes: number) => progress.add(countBytes);
    let savedMs = this.#clock.monotonic();
    for (const files of pending) {
      const name = formatChannelArch(files.image);
      try {
        await this.#digests.hash(files, { onRead, signal });
        this.#failures.delete(name);
        if (this.#clock.monotonic() - savedMs >= SAVE_INTERVAL_MS) {
          await this.#digests.save();
          savedMs = this.#clock.monotonic();
        }
      } catch (error) {
        signal.throwIfAborted();
        this.#failures.set(name, {
          warning: `Cannot offer ${name}: ${messageOf(error)}`,
          retryAtMs: this.#clock.monotonic() + RETRY_MS,
        });
      }
    }
  }

  /** The image as it was, if each of its files is still there unchanged. */
  async #stillWhole(files: ImageFiles): Promise<HashedImage | undefined> {
    const { image } = files;
    const before = this.#hashed.find((each) => sameImage(each.image, image));
    if (before === undefined) return undefined;
    // What is to be in its place cannot be read: the old one is not wanted.
    if (this.#failures.has(formatChannelArch(image))) return undefined;
    for (const file of artifactFiles(before)) {
      if (!await isUnchanged(file, this.#fileSystem)) return undefined;
    }
    return before;
  }

  #forgetFailures(present: readonly ChannelArch[]): void {
    const names = new Set(present.map(formatChannelArch));
    for (const name of this.#failures.keys()) {
      if (!names.has(name)) this.#failures.delete(name);
    }
  }
}
