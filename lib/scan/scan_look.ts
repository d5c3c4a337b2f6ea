import { dirname } from "node:path";
import { type ChannelArch, formatChannelArch } from "../core/channel_arch.ts";
import type {
  DirectoryEntry,
  FileInfo,
  FileSystem,
} from "../core/file_system.ts";
import type { ReadImageResult } from "./read_image.ts";
import type { NotedDirectory, ScanNotes } from "./scan_notes.ts";

/** A directory that is read unless it is known to be as it was. */
export interface ScannedDirectory {
  /** As it is opened. */
  readonly path: string;
  /** The same with the links of its root resolved, as events name it. */
  readonly eventPath: string;
  /** Whether it, or the channel's directory that it is in, is a link. */
  readonly isLinked: boolean;
}

/** The names in a directory; why they cannot be had; undefined: there is none. */
export type Listing =
  | { readonly entries: readonly DirectoryEntry[] }
  | { readonly problem: string }
  | undefined;

/** What a directory held when it was read. */
export interface Known<T> extends ScannedDirectory, NotedDirectory {
  /** What it held. */
  readonly value: T;
  /** Which directory it was; undefined: there was none. */
  readonly place: FileInfo | undefined;
}

/** What the directory of a channel held, and what was made of it. */
export interface KnownChannel<R> {
  /** Where it is. */
  readonly directory: ScannedDirectory;
  /** What was made of it. */
  readonly result: R;
  /** The names in it; undefined: nobody has asked. */
  readonly listing: Known<Listing> | undefined;
  /** By image and path: two images may lie in one directory. */
  readonly images: ReadonlyMap<string, Known<ReadImageResult>>;
  /** Whether part of it lies elsewhere. */
  readonly isLinked: boolean;
}

/** What a look has found. */
export interface Remembered<R> {
  /** The names of the channels; undefined: nobody has asked. */
  readonly root: Known<Listing> | undefined;
  /** By name. */
  readonly channels: ReadonlyMap<string, KnownChannel<R>>;
  /** What was made of all channels together. */
  readonly whole: R | undefined;
}

/** What a look works with. */
export interface ScanLookOptions<R> {
  /** Undefined: everything is read. */
  readonly notes: ScanNotes | undefined;
  /** Directories that are read in any case. */
  readonly again: ReadonlySet<string>;
  /** What the last look has found. */
  readonly before: Remembered<R>;
  /** All that the images lay in then: see `placesOf()`. */
  readonly places: () => ReadonlySet<string>;
  /** The disk. */
  readonly fileSystem: FileSystem;
  /** Which directory lies at a path, if one does. */
  readonly placeOf: (path: string) => Promise<FileInfo | undefined>;
  /** A directory was read. */
  readonly onRead: (
    before: Known<unknown> | undefined,
    now: Known<unknown>,
  ) => void;
  /** Takes what the look has found. */
  readonly onEnd: (remembered: Remembered<R>) => void;
}

/** One look at the disk. */
export class ScanLook<R> {
  readonly #options: ScanLookOptions<R>;
  readonly #channels = new Map<string, KnownChannel<R>>();
  readonly #aboveAgain: ReadonlySet<string>;
  #root: Known<Listing> | undefined;
  #whole: R | undefined;
  /** Whether a channel has been read again, and whether something was new. */
  #hasRead = false;
  #hasNews = false;
  #hasOther: boolean | undefined;

  /** `ScanMemory.begin()` makes it. */
  constructor(options: ScanLookOptions<R>) {
    this.#options = options;
    this.#aboveAgain = new Set([...options.again].map((path) => dirname(path)));
  }

  /** The names in the directory that holds those of the channels. */
  async listRoot(
    directory: ScannedDirectory,
    read: () => Promise<Listing>,
  ): Promise<Listing> {
    const known = this.#options.before.root;
    this.#root = await this.list(directory, known, read);
    return this.#root.value;
  }

  /** What was made of a channel, unless something may have changed there. */
  known(name: string, directory: ScannedDirectory): R | undefined {
    const before = this.#options.before.channels.get(name);
    if (before === undefined || this.#mayDiffer(before, directory)) {
      return undefined;
    }
    this.#channels.set(name, before);
    return before.result;
  }

  /** What is made of a channel now: the same object where it is the same. */
  async channel(
    name: string,
    directory: ScannedDirectory,
    make: (look: ChannelLook<R>) => Promise<R>,
  ): Promise<R> {
    this.#hasRead = true;
    const before = this.#options.before.channels.get(name);
    const look = new ChannelLook(this, before);
    const made = await make(look);
    const isAsBefore = before !== undefined && isSame(before.result, made);
    this.#hasNews ||= !isAsBefore;
    const result = isAsBefore ? before.result : made;
    const { listing, images } = look;
    const isLinked = directory.isLinked || images.values().some(isElsewhere);
    const known = { directory, result, listing, images, isLinked };
    this.#channels.set(name, known);
    return result;
  }

  /** What is made of all channels together: as before, where all are. */
  whole(make: () => R): R {
    const { whole } = this.#options.before;
    const isAsBefore = !this.#hasNews && this.#hasSameNames;
    return this.#whole = isAsBefore ? whole ?? make() : make();
  }

  /** Remembers what was read and what was not read again. */
  end(): void {
    const { before, onEnd } = this.#options;
    const isAsBefore = !this.#hasRead && this.#hasSameNames;
    onEnd(
      isAsBefore && this.#whole === before.whole ? before : {
        root: this.#root,
        channels: this.#channels,
        whole: this.#whole,
      },
    );
  }

  get #hasSameNames(): boolean {
    const { root, channels } = this.#options.before;
    return this.#root === root && this.#channels.size === channels.size;
  }

  /** The names in a directory, read again where they may differ. */
  async list(
    directory: ScannedDirectory,
    known: Known<Listing> | undefined,
    read: () => Promise<Listing>,
  ): Promise<Known<Listing>> {
    const { path, isLinked } = directory;
    const { notes, again, fileSystem, placeOf, onRead } = this.#options;
    if (
      known?.path === path && notes !== undefined && !again.has(path) &&
      !notes.changesNames(known) &&
      // In a directory that was not told of, or below one.
      !(notes.concernsPath(known.eventPath) && this.#hasStray(notes))
    ) return known;
    const place = await placeOf(path);
    const elsewhere = isLinked && place !== undefined
      ? [await fileSystem.realPath(path)]
      : [];
    const now = { ...directory, value: await read(), elsewhere, place };
    onRead(known, now);
    return now;
  }

  /** What an image directory holds, read again where it may differ. */
  async image(
    directory: ScannedDirectory,
    known: Known<ReadImageResult> | undefined,
    read: () => Promise<ReadImageResult>,
  ): Promise<Known<ReadImageResult>> {
    if (known !== undefined && !this.#mayHoldOther(known)) return known;
    const { placeOf, onRead } = this.#options;
    const place = await placeOf(directory.path);
    const value = await read();
    const { eventPath } = directory;
    const now = {
      ...directory,
      value: known !== undefined && isSame(known.value, value)
        ? known.value
        : value,
      elsewhere: value.reaches.filter((path) =>
        path !== eventPath && !path.startsWith(`${eventPath}/`)
      ),
      place,
    };
    onRead(known, now);
    return now;
  }

  #mayDiffer(
    { directory: before, isLinked }: KnownChannel<R>,
    directory: ScannedDirectory,
  ): boolean {
    const { notes, again } = this.#options;
    const { path, eventPath } = directory;
    return notes === undefined || isLinked || directory.isLinked ||
      path !== before.path || again.has(path) || this.#aboveAgain.has(path) ||
      notes.concernsPath(eventPath);
  }

  #mayHoldOther(known: Known<ReadImageResult>): boolean {
    const { notes, again } = this.#options;
    if (notes === undefined || again.has(known.path)) return true;
    if (notes.concerns(known)) return true;
    // A link may lead to it by way of another, which nothing is known of.
    return isElsewhere(known) && this.#hasStray(notes);
  }

  /** Whether something has changed that is in no image that is known. */
  #hasStray(notes: ScanNotes): boolean {
    return this.#hasOther ??= notes.hasOther(this.#options.places());
  }
}

/** One look at the directory of a channel. */
export class ChannelLook<R> {
  readonly #look: ScanLook<R>;
  readonly #before: KnownChannel<R> | undefined;
  /** What was found, to be remembered. */
  listing: Known<Listing> | undefined;
  /** The same. */
  readonly images = new Map<string, Known<ReadImageResult>>();

  /** `ScanLook.channel()` makes it. */
  constructor(look: ScanLook<R>, before: KnownChannel<R> | undefined) {
    this.#look = look;
    this.#before = before;
  }

  /** The names in the channel's directory. */
  async list(
    directory: ScannedDirectory,
    read: () => Promise<Listing>,
  ): Promise<Listing> {
    this.listing = await this.#look.list(
      directory,
      this.#before?.listing,
      read,
    );
    return this.listing.value;
  }

  /**
   * What an image directory holds: the same object as long as it holds the same,
   * be it read again or not.
   */
  async image(
    image: ChannelArch,
    directory: ScannedDirectory,
    read: () => Promise<ReadImageResult>,
  ): Promise<ReadImageResult> {
    const key = `${formatChannelArch(image)} ${directory.path}`;
    const before = this.#before?.images.get(key);
    const known = await this.#look.image(directory, before, read);
    this.images.set(key, known);
    return known.value;
  }
}

function knownImages(
  { channels }: Remembered<unknown>,
): Known<ReadImageResult>[] {
  return [...channels.values()].flatMap(({ images }) => [...images.values()]);
}

/** Every directory that was read. */
export function knownDirectories(
  remembered: Remembered<unknown>,
): Known<unknown>[] {
  const { root, channels } = remembered;
  const listings = [...channels.values()].map(({ listing }) => listing);
  return [root, ...listings, ...knownImages(remembered)]
    .filter((known) => known !== undefined);
}

/** Every directory that holds files of images, as events name it. */
export function placesOf(remembered: Remembered<unknown>): Set<string> {
  return new Set(
    knownImages(remembered).flatMap(({ eventPath, elsewhere }) => [
      eventPath,
      ...elsewhere,
    ]),
  );
}

function isElsewhere({ isLinked, elsewhere }: Known<unknown>): boolean {
  return isLinked || elsewhere.length > 0;
}

/** Whether two are one directory, not another one of the same name. */
export function isSamePlace(
  before: FileInfo | undefined,
  now: FileInfo | undefined,
): boolean {
  return before?.device === now?.device && before?.inode === now?.inode;
}

/** Whether the same was read. */
function isSame(before: unknown, now: unknown): boolean {
  const text = (result: unknown) =>
    JSON.stringify(
      result,
      (_, value) => value instanceof Map ? [...value] : value,
    );
  return text(before) === text(now);
}
