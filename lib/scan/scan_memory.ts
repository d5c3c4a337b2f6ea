import type { Clock } from "../core/clock.ts";
import type { FileInfo, FileSystem } from "../core/file_system.ts";
import { mapParallel } from "../core/map_parallel.ts";
import { eventsTell } from "./file_events.ts";
import type { Known, ScannedChannel } from "./known_directories.ts";
import {
  isSamePlace,
  knownDirectories,
  NOTHING_REMEMBERED,
  type Remembered,
  ScanLook,
} from "./scan_look.ts";
import { ScanNotes } from "./scan_notes.ts";

/**
 * How long a path counts as changed. Files may appear in a new directory before
 * it is watched, so it is looked at twice.
 */
const NOTED_MS = 900;
/** With more paths than this, everything is looked at. */
const MAX_NOTED = 1000;
/** How many directories are compared, or read again unasked, in one turn. */
const TURN = 1000;
/** How long after one turn the next may follow. */
const COMPARE_INTERVAL_MS = 4500;

/**
 * What the last look read from the disk, so that the next reads only what has
 * changed: the cost of a change does not depend on the number of images.
 *
 * @typeParam R what a look makes of a channel
 * @typeParam C what it knows of one before
 */
export class ScanMemory<R, C extends ScannedChannel> {
  readonly #clock: Clock;
  readonly #fileSystem: FileSystem;
  #remembered: Remembered<R, C> = NOTHING_REMEMBERED;
  /** Every directory of it, once they are asked for. */
  #directories: readonly Known<unknown>[] | undefined;
  /** When each path was last named by an event, on the monotonic clock. */
  readonly #noted = new Map<string, number>();
  #isAllNoted = true;
  /** By device: whether its file system reports changes. */
  readonly #tells = new Map<number, boolean>();
  #again = new Set<string>();
  #isRemounted = false;
  readonly #comparing = new Turns();
  readonly #sweeping = new Turns();
  #comparedMs = -Infinity;

  constructor(
    { clock, fileSystem }: {
      readonly clock: Clock;
      readonly fileSystem: FileSystem;
    },
  ) {
    this.#clock = clock;
    this.#fileSystem = fileSystem;
  }

  /**
   * Has what lies at these paths, and below them, read again by the next look.
   *
   * @param paths with links resolved; none: it is not known what has changed
   */
  note(paths: readonly string[]): void {
    const now = this.#clock.monotonic();
    for (const path of paths) this.#noted.set(path, now);
    if (paths.length === 0 || this.#noted.size > MAX_NOTED) this.noteAll();
  }

  /** Whether the next look reads again what was noted. */
  get hasNoted(): boolean {
    return this.#noted.size > 0;
  }

  /** Has everything read again by the next look. */
  noteAll(): void {
    this.#isAllNoted = true;
  }

  /**
   * Has some directories read again by the next look, others than the last time:
   * all, where they are not many.
   */
  noteSome(): void {
    const known = this.#known();
    if (known.length <= TURN) return this.noteAll();
    this.readAgain(this.#sweeping.next(known).map(({ path }) => path));
  }

  /**
   * Has these directories read again by the next look, whatever is told of them.
   *
   * @param paths as they are opened
   */
  readAgain(paths: Iterable<string>): void {
    for (const path of paths) this.#again.add(path);
  }

  /** Whether `noteSome()` takes several turns to cover all directories. */
  get isLarge(): boolean {
    return this.#known().length > TURN;
  }

  /**
   * Whether a directory lies on a file system that does not tell of all that
   * happens to it, so that only looking helps.
   */
  get isSilent(): boolean {
    return [...this.#tells.values()].includes(false) &&
      this.#known().some(({ place }) =>
        place !== undefined && this.#tells.get(place.device) === false
      );
  }

  /**
   * Whether another directory has taken some place since the last call, without
   * an event: watches do not see the new one.
   */
  takeRemounted(): boolean {
    const isRemounted = this.#isRemounted;
    this.#isRemounted = false;
    return isRemounted;
  }

  /**
   * Compares directories with what they were when they were read, since a mount
   * is no event, and notes those that differ: at most 1,000 in five seconds, the
   * others after that.
   *
   * @returns whether one differs
   */
  async compare(): Promise<boolean> {
    const nowMs = this.#clock.monotonic();
    if (nowMs < this.#comparedMs + COMPARE_INTERVAL_MS) return false;
    this.#comparedMs = nowMs;
    const some = this.#comparing.next(this.#known());
    const differ = await mapParallel(some, async (known) => {
      const place = await this.#placeOf(known.path);
      this.#seeMount(known, place);
      if (
        isSamePlace(known.place, place) &&
        known.place?.modifiedMs === place?.modifiedMs
      ) return false;
      this.note([known.eventPath]);
      return true;
    });
    return differ.includes(true);
  }

  /** Begins a look; what it reads is remembered with its `end()`. */
  begin(): ScanLook<R, C> {
    const startMs = this.#clock.monotonic();
    const notes = this.#isAllNoted
      ? undefined
      : new ScanNotes(this.#noted.keys());
    this.#isAllNoted = false;
    const again = this.#again;
    this.#again = new Set();
    return new ScanLook({
      notes,
      again,
      before: this.#remembered,
      fileSystem: this.#fileSystem,
      placeOf: (path) => this.#placeOf(path),
      onRead: (before, { place }) => {
        if (before !== undefined) this.#seeMount(before, place);
      },
      onEnd: (remembered) => {
        if (remembered !== this.#remembered) this.#directories = undefined;
        this.#remembered = remembered;
        for (const [path, atMs] of this.#noted) {
          if (atMs <= startMs - NOTED_MS) this.#noted.delete(path);
        }
      },
    });
  }

  #known(): readonly Known<unknown>[] {
    return this.#directories ??= knownDirectories(this.#remembered);
  }

  /** Which directory lies at a path. */
  async #placeOf(path: string): Promise<FileInfo | undefined> {
    try {
      const place = await this.#fileSystem.stat(path);
      if (!this.#tells.has(place.device)) {
        const kind = await this.#fileSystem.kindOf(path);
        this.#tells.set(place.device, eventsTell(kind));
      }
      return place;
    } catch {
      // Reading it meets the same trouble, and says so.
      return undefined;
    }
  }

  #seeMount(before: Known<unknown>, place: FileInfo | undefined): void {
    this.#isRemounted ||= !isSamePlace(before.place, place) &&
      !this.#noted.has(before.eventPath);
  }
}

/** Goes through a list that may change, some of it at a time. */
class Turns {
  #done = 0;

  next<T>(all: readonly T[]): T[] {
    const from = this.#done < all.length ? this.#done : 0;
    const some = all.slice(from, from + TURN);
    this.#done = from + some.length;
    return some;
  }
}
