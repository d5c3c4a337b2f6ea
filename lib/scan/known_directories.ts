import type { DirectoryEntry, FileInfo } from "../core/file_system.ts";
import type { ReadImageResult } from "./read_image.ts";
import type { NotedDirectory } from "./scan_notes.ts";

/** A directory that is read unless it is known to be as it was. */
export interface ScannedDirectory {
  /** As it is opened. */
  readonly path: string;
  /** The same with the links of its root resolved, as events name it. */
  readonly eventPath: string;
  /** Whether it, or the channel's directory that it is in, is a link. */
  readonly isLinked: boolean;
}

/** The directory of a channel. */
export interface ScannedChannel extends ScannedDirectory {
  /** Its name. */
  readonly channel: string;
}

/** Which channels there are. */
export interface ChannelList<C extends ScannedChannel> {
  /** In the order of the settings, then sorted. */
  readonly channels: readonly C[];
  /** What was passed over and why. */
  readonly warnings: readonly string[];
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
  readonly directory: ScannedChannel;
  /** What was made of it. */
  readonly result: R;
  /** The names in it; undefined: nobody has asked. */
  readonly listing: Known<Listing> | undefined;
  /** By image and path: two images may lie in one directory. */
  readonly images: ReadonlyMap<string, Known<ReadImageResult>>;
  /** Whether part of it lies elsewhere. */
  readonly isLinked: boolean;
}
