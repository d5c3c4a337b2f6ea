import type { FileSystem } from "../core/file_system.ts";

/** A file that is written to at positions of one's choice. */
export interface WritableFile extends Disposable {
  /** Writes all of the bytes. @throws the system's error (disk full) */
  writeAt(bytes: Uint8Array, offsetBytes: number): Promise<void>;
  /** Reads. @returns how many bytes, 0 at the end of the file */
  readAt(buffer: Uint8Array, offsetBytes: number): Promise<number>;
  /** Cuts the file after so many bytes. */
  truncate(sizeBytes: number): Promise<void>;
  /** Resolves once what was written outlasts a power cut. */
  sync(): Promise<void>;
}

/** The size of a file, and the space it takes. */
export interface Extent {
  /** The size of its content. */
  readonly sizeBytes: number;
  /** On the disk: less where parts of the content were never written. */
  readonly allocatedBytes: number;
}

/** The disk that images are fetched to. */
export interface FetchDisk extends
  Pick<
    FileSystem,
    | "list"
    | "stat"
    | "open"
    | "makeDirectory"
    | "rename"
    | "removeFile"
    | "writeAtomically"
  > {
  /** Opens a file for writing and reading; one that is not there is made. */
  openForWriting(path: string): Promise<WritableFile>;
  /** How large a file is, and how much room it has taken. */
  extentOf(path: string): Promise<Extent>;
  /** Gives a file a second name, or copies it where there is no such thing. */
  link(from: string, to: string): Promise<void>;
  /**
   * Locks a directory, which is made when there is none, until it is disposed
   * of or the program ends, however it ends.
   *
   * @returns undefined when another program has locked it
   */
  lockDirectory(path: string): Promise<Disposable | undefined>;
  /** Removes a directory and all below it; one that is not there is no fault. */
  removeTree(path: string): Promise<void>;
  /**
   * Renames `present` to `aside`, if it is there, and `next` to `present`, in
   * one go: between the two nothing else of this program runs.
   */
  replaceDirectory(
    paths: {
      readonly next: string;
      readonly present: string;
      readonly aside: string;
    },
  ): void;
  /** Resolves once the names in a directory outlast a power cut. */
  syncDirectory(path: string): Promise<void>;
  /** What is free for us where a path is. @returns undefined where that is unknown */
  freeBytes(path: string): Promise<number | undefined>;
}
