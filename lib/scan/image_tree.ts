import { dirname } from "node:path";
import { formatChannelArch } from "../core/channel_arch.ts";
import type { Clock } from "../core/clock.ts";
import type { FileSystem } from "../core/file_system.ts";
import { mapParallel } from "../core/map_parallel.ts";
import { messageOf } from "../core/printable.ts";
import { checksumProblem } from "./checksums.ts";
import {
  artifactFiles,
  FileChangedError,
  isUnchanged,
  type ReadOptions,
} from "./digest.ts";
import type { DigestCache } from "./digest_cache.ts";
import { HashProgress, type HashProgressOptions } from "./hash_progress.ts";
import type { HashedArtifact, HashedImage, ImageFiles } from "./image_files.ts";
import {
  type MissingImage,
  scanAvailable,
  type ScanResult,
  type ScanSettings,
} from "./scan_available.ts";
import { ScanMemory } from "./scan_memory.ts";
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

/**
 * How much of a tree is looked at; the rest is taken for what it was. `changes`:
 * what was noted, and what is not whole. `changes and more`: of a large tree a
 * part besides, with each look another one, all of a small one.
 */
export type LookAt = "everything" | "changes" | "changes and more";

/** A file that could not be read is tried again after this time. */
const RETRY_MS = 5000;
/** Images of which less is to be read are read side by side. */
const SMALL_BYTES = 1024 * 1024;
/** What was read before is not lost when the program is killed. */
const SAVE_DELAY_MS = 5000;
/**
 * How long an image is gone before it counts as gone: where a directory is put
 * in the place of another by two steps, there is none for a moment.
 */
const GONE_MS = 250;

interface KnownImage {
  readonly name: string;
  readonly image: HashedImage;
}

interface Failure {
  readonly reason: string;
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
  readonly #memory: ScanMemory<ScanResult>;
  #privateKeys = new PrivateKeyCheck();
  readonly #failures = new Map<string, Failure>();
  /** What has been read of what is there: the same object for the same files. */
  #known: ReadonlyMap<ImageFiles, KnownImage> = new Map();
  #available: readonly ImageFiles[] = [];
  #hashed: ReadonlyMap<string, HashedImage> = new Map();
  /** The last look, unless the next may differ from it on the same disk. */
  #calm: { readonly scan: ScanResult; readonly look: TreeLook } | undefined;
  /** Since when an image that is offered is not there, on the monotonic clock. */
  #goneSinceMs: ReadonlyMap<string, number> = new Map();
  #pending: readonly ImageFiles[] = [];
  #cancelSave: (() => void) | undefined;

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
    this.#memory = new ScanMemory({ clock, fileSystem });
  }

  /** Takes note of an event of the disk. */
  noteWriter(path: string, writer: WriterState): void {
    this.#settling.noteWriter(path, writer);
  }

  /**
   * Takes note of where something has changed.
   *
   * @param paths with links resolved; none: nobody knows where
   */
  noteChange(paths: readonly string[]): void {
    this.#memory.note(paths);
  }

  /**
   * Looks whether another directory has come to lie in the place of one, which
   * is no event, as far as that can be seen in a moment.
   */
  async hasMoved(): Promise<boolean> {
    return await this.#memory.compare();
  }

  /** Whether something that was noted is still to be looked at once more. */
  get hasNoted(): boolean {
    return this.#memory.hasNoted;
  }

  /** Whether directories were found since the last call that no watch sees. */
  takeUnwatched(): boolean {
    return this.#memory.takeRemounted();
  }

  /** Whether part of it lies where changes cause no events. */
  get isSilent(): boolean {
    return this.#memory.isSilent;
  }

  /** Whether looks at `changes and more` see it part by part. */
  get isLarge(): boolean {
    return this.#memory.isLarge;
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
    for (const sinceMs of this.#goneSinceMs.values()) {
      times.push(Math.max(0, sinceMs + GONE_MS - now));
    }
    times.push(this.#settling.settlesInMs ?? Infinity);
    const inMs = Math.min(...times);
    return inMs === Infinity ? undefined : inMs;
  }

  /**
   * Looks at names and sizes. An image that was hashed stays while its files
   * settle and are read again, whatever has become of them, as long as there is
   * a kernel: it gives way when what is new is hashed, at once.
   *
   * @param at how much of it is looked at. @default "everything"
   * @throws UserError when the artifacts directory itself cannot be read
   */
  async look(
    settings: ScanSettings,
    { at = "everything", signal }: {
      readonly at?: LookAt;
      readonly signal: AbortSignal;
    },
  ): Promise<TreeLook> {
    await this.hasOtherContent();
    const scan = await this.#scan(settings, { at, signal });
    this.#settling.update(scan.available);
    if (this.#calm?.scan === scan) return this.#calm.look;
    const { hashed, present, again, ...sorted } = await this.#sort(scan);
    const isThere = (name: string) => hashed.has(name) || present.has(name);
    const gone = this.#failures.keys().filter((name) => !isThere(name));
    for (const name of gone) this.#failures.delete(name);
    again.push(...this.#waitForGone(isThere, hashed));
    this.#memory.readAgain(again);
    this.#hashed = hashed;
    ({ known: this.#known, pending: this.#pending } = sorted);
    if (scan.available !== this.#available) this.#saveSoon();
    this.#available = scan.available;
    const look = {
      hashed: [...hashed.values()],
      missing: scan.missing
        .filter(({ image }) => !hashed.has(formatChannelArch(image))),
      warnings: sorted.warnings,
    };
    this.#calm = again.length + present.size > 0 ? undefined : { scan, look };
    return look;
  }

  /** Tells apart what is there: what was read, what can be, and what cannot. */
  async #sort({ available, warnings: passedOver }: ScanResult) {
    const now = this.#clock.monotonic();
    const warnings = [...passedOver];
    const known = new Map<ImageFiles, KnownImage>();
    const hashed = new Map<string, HashedImage>();
    const pending: ImageFiles[] = [];
    const again: string[] = [];
    /** Of those that are there and were not read. */
    const present = new Set<string>();
    for (const files of available) {
      const read = this.#known.get(files) ?? await this.#find(files);
      if (read !== undefined) {
        const problem = checksumProblem(read.image);
        if (problem === undefined) {
          known.set(files, read);
          hashed.set(read.name, read.image);
        } else {
          present.add(read.name);
          warnings.push(`Cannot offer ${read.name}: ${problem}`);
        }
        continue;
      }
      const name = formatChannelArch(files.image);
      present.add(name);
      const image = await this.#before(name);
      if (image !== undefined) hashed.set(name, image);
      const failure = this.#failures.get(name);
      if (failure !== undefined) {
        const what = image === undefined
          ? name
          : `the new ${name}, and offers the one before`;
        warnings.push(`Cannot offer ${what}: ${failure.reason}`);
      }
      if (this.#settling.isWhole(files) && (failure?.retryAtMs ?? 0) <= now) {
        pending.push(files);
      } else again.push(files.directory);
    }
    return { known, hashed, pending, again, present, warnings };
  }

  /**
   * Looks, between two looks, whether files have another content than before
   * although nothing tells of it.
   */
  async hasOtherContent(): Promise<boolean> {
    const hasChanged = await this.#digests.refuteChanged();
    if (hasChanged) this.#distrust();
    return hasChanged;
  }

  /** Has a file read again that was seen to have another content. */
  refute(artifact: HashedArtifact): void {
    this.#digests.refute(artifact);
    this.#distrust();
  }

  /** Forgets what was concluded from times that do not tell. */
  #distrust(): void {
    this.#known = new Map();
    this.#calm = undefined;
    this.#memory.noteAll();
    // What is no private key may be one now.
    this.#privateKeys = new PrivateKeyCheck();
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
    const unread = (files: ImageFiles) => this.#digests.unreadBytes(files);
    const totalBytes = this.#pending
      .reduce((sum, files) => sum + unread(files), 0);
    using progress = new HashProgress(totalBytes, this.#progress);
    const options = { onRead: (bytes: number) => progress.add(bytes), signal };
    const read = (files: ImageFiles) => this.#hash(files, options);
    const { small = [], large = [] } = Object.groupBy(
      this.#pending,
      (files) => unread(files) <= SMALL_BYTES ? "small" : "large",
    );
    await mapParallel(small, read);
    for (const files of large) await read(files);
  }

  async #hash(files: ImageFiles, options: ReadOptions): Promise<void> {
    const name = formatChannelArch(files.image);
    try {
      await this.#digests.hash(files, options);
      this.#failures.delete(name);
      this.#saveSoon();
    } catch (error) {
      options.signal.throwIfAborted();
      // The next look sees what it is now, and waits until that has settled.
      this.#memory.readAgain([files.directory]);
      if (error instanceof FileChangedError && this.#hashed.has(name)) return;
      this.#failures.set(name, {
        reason: messageOf(error),
        retryAtMs: this.#clock.monotonic() + RETRY_MS,
      });
    }
  }

  /** Keeps what was read across restarts; without it, that is done a few seconds later. */
  async save(): Promise<void> {
    this.#cancelSave?.();
    this.#cancelSave = undefined;
    await this.#digests.save(this.#images);
  }

  readonly #images = () => [...this.#available, ...this.#hashed.values()];

  async #scan(
    settings: ScanSettings,
    { at, signal }: { readonly at: LookAt; readonly signal: AbortSignal },
  ): Promise<ScanResult> {
    if (at === "everything") this.#memory.noteAll();
    if (at === "changes and more") this.#memory.noteSome();
    const look = this.#memory.begin();
    try {
      const scan = await scanAvailable(settings, this.#fileSystem, {
        look,
        privateKeys: this.#privateKeys,
        signal,
      });
      look.end();
      return scan;
    } catch (error) {
      this.#memory.noteAll();
      throw error;
    }
  }

  /** The image with its digests, if its files are whole and have been read. */
  async #find(files: ImageFiles): Promise<KnownImage | undefined> {
    if (!this.#settling.isWhole(files)) return undefined;
    const image = await this.#digests.find(files);
    return image && { name: formatChannelArch(files.image), image };
  }

  /**
   * What was offered by this name, for as long as what is new may still come to
   * be read. Where it cannot be read, only what is still there as it was.
   */
  async #before(name: string): Promise<HashedImage | undefined> {
    const before = this.#hashed.get(name);
    if (before === undefined || !this.#failures.has(name)) return before;
    for (const file of artifactFiles(before)) {
      if (!await isUnchanged(file, this.#fileSystem)) return undefined;
    }
    return before;
  }

  /**
   * Goes on offering images that were not seen to be gone before.
   *
   * @param isThere whether there is one of a name
   * @param hashed takes those that stay
   * @returns the directories to read again
   */
  #waitForGone(
    isThere: (name: string) => boolean,
    hashed: Map<string, HashedImage>,
  ): string[] {
    const now = this.#clock.monotonic();
    const goneSinceMs = new Map<string, number>();
    const again: string[] = [];
    for (const [name, image] of this.#hashed) {
      if (isThere(name)) continue;
      const sinceMs = this.#goneSinceMs.get(name) ?? now;
      if (now - sinceMs >= GONE_MS) continue;
      goneSinceMs.set(name, sinceMs);
      hashed.set(name, image);
      const channel = dirname(image.directory);
      again.push(image.directory, channel, dirname(channel));
    }
    this.#goneSinceMs = goneSinceMs;
    return again;
  }

  #saveSoon(): void {
    this.#cancelSave ??= this.#clock
      .setTimer(() => void this.save(), SAVE_DELAY_MS);
  }
}
