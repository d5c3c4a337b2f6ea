import { dirname } from "node:path";
import { type ChannelArch, formatChannelArch } from "../core/channel_arch.ts";
import type { FileInfo, FileSystem } from "../core/file_system.ts";
import { mapParallel } from "../core/map_parallel.ts";
import { ChannelFinder } from "./channel_finder.ts";
import type {
  ChannelList,
  Known,
  KnownChannel,
  Listing,
  ScannedChannel,
  ScannedDirectory,
} from "./known_directories.ts";
import type { ReadImageResult } from "./read_image.ts";
import type { ScanNotes } from "./scan_notes.ts";

/** What a look has found. */
export interface Remembered<R, C extends ScannedChannel> {
  /** The names of the channels; undefined: nobody has asked. */
  readonly root: Known<Listing> | undefined;
  /** Which channels there were, and what that was made from. */
  readonly list: ChannelList<C> & { readonly because: readonly unknown[] };
  readonly finder: ChannelFinder;
  /** What each held. */
  readonly channels: readonly KnownChannel<R>[];
  /** Which of them lie elsewhere, with all or a part. */
  readonly linked: ReadonlySet<number>;
  /** What was made of all channels together. */
  readonly whole: R | undefined;
}

/** What is remembered before the first look. */
export const NOTHING_REMEMBERED: Remembered<never, never> = {
  root: undefined,
  list: { channels: [], warnings: [], because: [] },
  finder: new ChannelFinder([]),
  channels: [],
  linked: new Set(),
  whole: undefined,
};

/** What a look works with. */
export interface ScanLookOptions<R, C extends ScannedChannel> {
  /** Undefined: everything is read. */
  readonly notes: ScanNotes | undefined;
  /** Directories that are read in any case. */
  readonly again: ReadonlySet<string>;
  /** What the last look has found. */
  readonly before: Remembered<R, C>;
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
  readonly onEnd: (remembered: Remembered<R, C>) => void;
}

/** One look at the disk. */
export class ScanLook<R, C extends ScannedChannel> {
  readonly #options: ScanLookOptions<R, C>;
  readonly #aboveAgain: ReadonlySet<string>;
  /** What it has found so far. */
  #now: Remembered<R, C>;
  /** Whether something that was made of a channel is new. */
  #hasNews = false;
  #hasOther: boolean | undefined;

  /** `ScanMemory.begin()` makes it. */
  constructor(options: ScanLookOptions<R, C>) {
    this.#options = options;
    this.#now = { ...options.before, root: undefined };
    this.#aboveAgain = new Set([...options.again].map((path) => dirname(path)));
  }

  /** The names in the directory that holds those of the channels. */
  async listRoot(
    directory: ScannedDirectory,
    read: () => Promise<Listing>,
  ): Promise<Listing> {
    const known = this.#options.before.root;
    const root = await this.list(directory, known, read);
    this.#now = { ...this.#now, root };
    return root.value;
  }

  /**
   * Which channels there are: the same object as long as it is made from the
   * same.
   */
  channelList(
    because: readonly unknown[],
    make: () => ChannelList<C>,
  ): ChannelList<C> {
    const { list } = this.#options.before;
    const isAsBefore = because.length === list.because.length &&
      because.every((part, index) => part === list.because[index]);
    if (isAsBefore) return list;
    const made = { ...make(), because };
    const finder = new ChannelFinder(made.channels);
    this.#now = { ...this.#now, list: made, finder };
    return made;
  }

  /**
   * What is made of each channel of the list: the same object where it is the
   * same. Those alone are read in which something may have changed.
   */
  async channels(
    make: (channel: C, look: ChannelLook<R>) => Promise<R>,
  ): Promise<readonly R[]> {
    const { before } = this.#options;
    const { list: { channels }, finder } = this.#now;
    const isSameList = finder === before.finder;
    const byName = new Map(
      isSameList
        ? []
        : before.channels.map((known) => [known.directory.channel, known]),
    );
    const known = isSameList
      ? [...before.channels]
      : channels.map(({ channel }) => byName.get(channel));
    const others = [...isSameList ? this.#candidates() : channels.keys()]
      .filter((index) => {
        const channel = channels[index];
        return channel !== undefined && this.#mayDiffer(known[index], channel);
      });
    await mapParallel(others, async (index) => {
      const channel = channels[index];
      if (channel === undefined) return;
      known[index] = await this.#read(channel, known[index], make);
    });
    const all = isSameList && others.length === 0
      ? before.channels
      : known.filter((one) => one !== undefined);
    const linked = new Set(isSameList ? before.linked : all.keys());
    for (const index of isSameList ? others : all.keys()) {
      if (all[index]?.isLinked === true) linked.add(index);
      else linked.delete(index);
    }
    this.#now = { ...this.#now, channels: all, linked };
    return all.map(({ result }) => result);
  }

  async #read(
    directory: C,
    before: KnownChannel<R> | undefined,
    make: (channel: C, look: ChannelLook<R>) => Promise<R>,
  ): Promise<KnownChannel<R>> {
    const look = new ChannelLook(this, before);
    const made = await make(directory, look);
    const isAsBefore = before !== undefined && isSame(before.result, made);
    this.#hasNews ||= !isAsBefore;
    const result = isAsBefore ? before.result : made;
    const { listing, images } = look;
    const isLinked = directory.isLinked || images.values().some(isElsewhere);
    return { directory, result, listing, images, isLinked };
  }

  /** What is made of all channels together: as before, where all are. */
  whole(make: () => R): R {
    const { whole } = this.#options.before;
    const isAsBefore = !this.#hasNews && this.#hasSameNames;
    const now = isAsBefore ? whole ?? make() : make();
    this.#now = { ...this.#now, whole: now };
    return now;
  }

  /** Remembers what was read and what was not read again. */
  end(): void {
    const { before, onEnd } = this.#options;
    const { channels, whole } = this.#now;
    const isAsBefore = this.#hasSameNames && channels === before.channels &&
      whole === before.whole;
    onEnd(isAsBefore ? before : this.#now);
  }

  get #hasSameNames(): boolean {
    const { root, finder } = this.#options.before;
    return this.#now.root === root && this.#now.finder === finder;
  }

  /** All channels of which one may differ, and perhaps more. */
  #candidates(): Iterable<number> {
    const { notes, again, before: { finder, channels, linked } } =
      this.#options;
    if (notes === undefined) return channels.keys();
    const candidates = new Set(linked);
    const take = (some: Iterable<number>) => {
      for (const index of some) candidates.add(index);
    };
    for (const path of notes.paths) take(finder.near(path));
    for (const path of again) take(finder.at(path));
    for (const path of this.#aboveAgain) take(finder.at(path));
    return candidates;
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
      // In a directory that no event named, or below one.
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

  #mayDiffer(before: KnownChannel<R> | undefined, directory: C): boolean {
    const { notes, again } = this.#options;
    const { path, eventPath } = directory;
    return before === undefined || notes === undefined ||
      before.isLinked || directory.isLinked ||
      path !== before.directory.path || again.has(path) ||
      this.#aboveAgain.has(path) ||
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
    return this.#hasOther ??= notes.hasOther(this.#places());
  }

  /** Every directory that holds files of images, as events name it. */
  #places(): Pick<ReadonlySet<string>, "has"> {
    const { finder, channels, linked } = this.#options.before;
    const elsewhere = new Set(
      [...linked].flatMap((index) => placesOf(channels[index])),
    );
    return {
      has: (directory) =>
        elsewhere.has(directory) ||
        [...finder.at(dirname(directory))]
          .some((index) => placesOf(channels[index]).includes(directory)),
    };
  }
}

/** One look at the directory of a channel. */
export class ChannelLook<R> {
  readonly #look: Pick<ScanLook<R, never>, "list" | "image">;
  readonly #before: KnownChannel<R> | undefined;
  /** What was found, to be remembered. */
  listing: Known<Listing> | undefined;
  /** The same. */
  readonly images = new Map<string, Known<ReadImageResult>>();

  /** `ScanLook.channel()` makes it. */
  constructor(
    look: Pick<ScanLook<R, never>, "list" | "image">,
    before: KnownChannel<R> | undefined,
  ) {
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

/** Every directory that was read. */
export function knownDirectories<R, C extends ScannedChannel>(
  { root, channels }: Remembered<R, C>,
): Known<unknown>[] {
  const listings = channels.map(({ listing }) => listing);
  const images = channels.flatMap(({ images }) => [...images.values()]);
  return [root, ...listings, ...images].filter((known) => known !== undefined);
}

/** Every directory that holds files of one channel's images. */
function placesOf<R>(channel: KnownChannel<R> | undefined): string[] {
  return [...channel?.images.values() ?? []].flatMap((
    { eventPath, elsewhere },
  ) => [eventPath, ...elsewhere]);
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
