import { dirname } from "node:path";
import { formatChannelArch } from "../core/channel_arch.ts";
import type { Clock } from "../core/clock.ts";
import type { FileSystem } from "../core/file_system.ts";
import { carryOver, listChanges } from "../core/list_changes.ts";
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
  type ChannelDirectory,
  type MissingImage,
  scanAvailable,
  type ScanResult,
  type ScanSettings,
} from "./scan_available.ts";
import { ScanMemory } from "./scan_memory.ts";
import { PrivateKeyCheck } from "./private_keys.ts";
import { OfferedImages } from "./offered_images.ts";
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
 * How much of a tree is looked at; the rest is taken to be unchanged.
 * `changes`: what was noted, and what is not complete. `changes and more`:
 * besides, a part of a large tree, another one at each look, or all of a small
 * one.
 */
export type LookAt = "everything" | "changes" | "changes and more";

/** A file that could not be read is tried again after this time. */
const RETRY_MS = 5000;
/** Images with less than this to read are read side by side. */
const SMALL_BYTES = 1024 * 1024;
/** What was read before is not lost when the program is killed. */
const SAVE_DELAY_MS = 5000;
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
  readonly #memory: ScanMemory<ScanResult, ChannelDirectory>;
  #privateKeys = new PrivateKeyCheck();
  readonly #failures = new Map<string, Failure>();
  #available: readonly ImageFiles[] = [];
  /** The same with digests, one by one, as far as they have been read and fit. */
  #read: readonly (HashedImage | undefined)[] = [];
  readonly #offered = new OfferedImages();
  /** The last look, unless the next may differ from it on the same disk. */
  #calm: { readonly scan: ScanResult; readonly look: TreeLook } | undefined;
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
   * Notes where something has changed.
   *
   * @param paths with links resolved; none: nobody knows where
   */
  noteChange(paths: readonly string[]): void {
    this.#memory.note(paths);
  }

  /**
   * Whether another directory has taken the place of one, which causes no
   * event, as far as that shows at a glance.
   */
  async hasMoved(): Promise<boolean> {
    return await this.#memory.compare();
  }

  /** Whether something that was noted has yet to be looked at again. */
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

  /**
   * In how many milliseconds another look may find more; undefined: it will
   * not.
   */
  get lookAgainInMs(): number | undefined {
    const now = this.#clock.monotonic();
    // What is due already is pending, and needs no other look.
    const times = [...this.#failures.values()]
      .map(({ retryAtMs }) => retryAtMs - now).filter((inMs) => inMs > 0);
    times.push(Math.max(0, this.#offered.nextGoneMs - now));
    times.push(this.#settling.settlesInMs ?? Infinity);
    const inMs = Math.min(...times);
    return inMs === Infinity ? undefined : inMs;
  }

  /**
   * Looks at names and sizes. An image that was hashed stays while its files
   * settle and are read again, whatever has become of them, as long as there is
   * a kernel; once the new content is hashed, it takes over at once.
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
    this.#take(scan.available);
    const { offered, again, present, pending, warnings } = await this.#sort(
      scan,
    );
    const justGone = this.#offered.takeGone(this.#clock.monotonic());
    again.push(...justGone.flatMap(directoriesOf));
    this.#memory.readAgain(again);
    this.#pending = pending;
    const look = {
      hashed: [...offered, ...justGone],
      missing: scan.missing
        .filter(({ image }) =>
          this.#offered.get(formatChannelArch(image)) === undefined
        ),
      warnings,
    };
    this.#calm = again.length + present > 0 ? undefined : { scan, look };
    return look;
  }

  /** Takes what is there now: of thousands, what is as before is not gone into. */
  #take(available: readonly ImageFiles[]): void {
    if (available !== this.#available) this.#saveSoon();
    this.#offered.take(
      listChanges(this.#available, available),
      this.#clock.monotonic(),
    );
    this.#read = carryOver(this.#available, this.#read, available);
    this.#available = available;
    for (const name of this.#failures.keys()) {
      if (!this.#offered.isPresent(name)) this.#failures.delete(name);
    }
  }

  /** Tells apart what is there: what was read, what can be, and what cannot. */
  async #sort({ available, warnings: passedOver }: ScanResult) {
    const now = this.#clock.monotonic();
    const warnings = [...passedOver];
    const read = [...this.#read];
    const offered = [...read];
    const pending: ImageFiles[] = [];
    const again: string[] = [];
    /** How many are there and were not read. */
    let present = 0;
    const offer = (i: number, name: string, image?: HashedImage) => {
      offered[i] = image;
      this.#offered.set(name, image);
    };
    for (const [i, files] of available.entries()) {
      if (read[i] !== undefined) continue;
      const name = formatChannelArch(files.image);
      const image = await this.#find(files);
      const problem = image && checksumProblem(image);
      if (image !== undefined && problem === undefined) {
        read[i] = image;
        offer(i, name, image);
        continue;
      }
      present++;
      if (problem !== undefined) {
        offer(i, name);
        warnings.push(`Cannot offer ${name}: ${problem}`);
        continue;
      }
      const before = await this.#before(name);
      offer(i, name, before);
      const failure = this.#failures.get(name);
      if (failure !== undefined) {
        const what = before === undefined
          ? name
          : `the new ${name}, keeping the previous one`;
        warnings.push(`Cannot offer ${what}: ${failure.reason}`);
      }
      if (this.#settling.isWhole(files) && (failure?.retryAtMs ?? 0) <= now) {
        pending.push(files);
      } else again.push(files.directory);
    }
    this.#read = read;
    return {
      offered: offered.filter((image) => image !== undefined),
      pending,
      again,
      present,
      warnings,
    };
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
    this.#read = this.#available.map(() => undefined);
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
      if (
        error instanceof FileChangedError &&
        this.#offered.get(name) !== undefined
      ) return;
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

  readonly #images = () => [...this.#available, ...this.#offered.values()];

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
  async #find(files: ImageFiles): Promise<HashedImage | undefined> {
    return this.#settling.isWhole(files)
      ? await this.#digests.find(files)
      : undefined;
  }

  /**
   * The image offered under this name, as long as its successor may still be
   * read. If that cannot be read, only what is still there unchanged.
   */
  async #before(name: string): Promise<HashedImage | undefined> {
    const before = this.#offered.get(name);
    if (before === undefined || !this.#failures.has(name)) return before;
    for (const file of artifactFiles(before)) {
      if (!await isUnchanged(file, this.#fileSystem)) return undefined;
    }
    return before;
  }

  #saveSoon(): void {
    this.#cancelSave ??= this.#clock
      .setTimer(() => void this.save(), SAVE_DELAY_MS);
  }
}

/** Where an image may come back, and what that lies in. */
function directoriesOf({ directory }: HashedImage): string[] {
  const channel = dirname(directory);
  return [directory, channel, dirname(channel)];
}
