/** What a path leads to, once links are followed. */
export interface FileInfo {
  /** A link is only seen as one in a directory listing. */
  readonly kind: "file" | "directory" | "symlink" | "other";
  readonly sizeBytes: number;
  /** Last change of the content, milliseconds since 1970. */
  readonly modifiedMs: number;
  /**
   * Last change of the content or of anything else about the file,
   * milliseconds since 1970. No program can set it back. Whole seconds on the
   * real disk, which is all that the runtime tells.
   */
  readonly changedMs: number;
  /** Identifies the file system the file is on. */
  readonly device: number;
  /** Together with the device, identifies a file under any name. */
  readonly inode: number;
  /** How many names the file has. */
  readonly linkCount: number;
  /** Permission bits, such as 0o600. */
  readonly mode: number;
}

/** One name in a directory. */
export interface DirectoryEntry {
  /** The name without the directory. */
  readonly name: string;
  /** Links are not followed. */
  readonly kind: FileInfo["kind"];
}

/** A file open for reading. */
export interface OpenFile extends Disposable {
  /**
   * As the file is now, which may differ from when it was opened. Of an open
   * file the system has this at hand.
   */
  info(): FileInfo;
  /**
   * Reads at an absolute position.
   *
   * @returns bytes read, 0 at the end of the file
   */
  readAt(buffer: Uint8Array, offsetBytes: number): Promise<number>;
}

/** Something happened below a watched directory. */
export interface FileEvent {
  /**
   * `created`: by a writer that has it open. `closed`: by a writer. `moved`: it
   * has the last of the paths now, and had the one before, if that is known.
   * `other`: gone from there, or events were lost.
   */
  readonly kind: "created" | "modified" | "closed" | "moved" | "other";
  /** Which files or directories, links resolved as in the directory given. */
  readonly paths: readonly string[];
}

/** A directory that is watched until it is disposed of. */
export interface DirectoryWatch extends Disposable {
  /**
   * Resolves when the system reports changes, and each time it is called
   * afterwards shows that it still does. Does not settle as long as the
   * watcher is held up: by a large tree at first, or by a FIFO, which it may
   * open.
   *
   * @throws FileNotFoundError, or the system's error (too many watches)
   */
  hears(): Promise<void>;
}

/** Is called when something happens in a watched directory. */
export interface FileListener {
  /** Called for each event; there may be many for one change. */
  onEvent(event: FileEvent): void;
  /** No more events will come, for this reason. */
  onEnd(problem: string): void;
}

/** A path does not exist. */
export class FileNotFoundError extends Error {
  /** Tells the kinds apart. */
  override readonly name = "FileNotFoundError";
}

/** Why a path cannot be read or written as it was meant. */
export type AccessProblem =
  | "permission denied"
  | "its symbolic links form a loop"
  | "a file is in the way"
  | "it is a directory"
  | "it is larger than 1 MiB"
  | "it is not a regular file";

/** A path is there, and cannot be read or written as it was meant. */
export class FileAccessError extends Error {
  /** Tells the kinds apart. */
  override readonly name = "FileAccessError";
  /** Why. */
  readonly problem: AccessProblem;

  /**
   * Says what was tried, and why it could not be.
   *
   * @param action as in `read "/a"`
   */
  constructor(action: string, problem: AccessProblem) {
    super(`Cannot ${action}: ${problem}`);
    this.problem = problem;
  }
}

/**
 * The program has used up what the system lends it, such as file descriptors:
 * that says nothing about any file, and may pass.
 */
export class SystemLimitError extends Error {
  /** Tells the kinds apart. */
  override readonly name = "SystemLimitError";
}

/** The disk, passed in wherever it is needed. */
export interface FileSystem {
  /** Lists a directory, in no particular order. */
  list(directory: string): Promise<DirectoryEntry[]>;
  /** Follows links. @throws FileNotFoundError, FileAccessError */
  stat(path: string): Promise<FileInfo>;
  /** Resolves every link. @throws FileNotFoundError, FileAccessError */
  realPath(path: string): Promise<string>;
  /**
   * The number of the kind of file system that a path is on (statfs(2),
   * linux/magic.h).
   *
   * @returns undefined where that cannot be known
   */
  kindOf(path: string): Promise<number | undefined>;
  /**
   * Opens a file for reading; refuses a FIFO, a socket or a device.
   *
   * @param options `isRegular`: the caller has seen just now that it is a
   * regular file, which spares another look at it. @default false
   * @throws FileNotFoundError, FileAccessError
   */
  open(
    path: string,
    options?: { readonly isRegular?: boolean },
  ): Promise<OpenFile>;
  /**
   * A small text file, whole.
   *
   * @param options `mayBePipe`: for what a person has named: at most 1 MiB, and
   * a FIFO's writer is waited for, such as a shell's `<(command)`.
   * @default false
   * @throws FileNotFoundError, FileAccessError
   */
  readText(
    path: string,
    options?: { readonly mayBePipe?: boolean },
  ): Promise<string>;
  /** Makes a directory and those above it, where they do not exist yet. */
  makeDirectory(path: string, mode: number): Promise<void>;
  /** Gives a file another name; one that has it already is replaced. */
  rename(from: string, to: string): Promise<void>;
  /** Removes a file. @throws FileNotFoundError, FileAccessError */
  removeFile(path: string): Promise<void>;
  /**
   * Locks a file, which is made when there is none, until it is disposed of or
   * the program ends, however it ends. Keeps the process id in it.
   *
   * @returns undefined when another program has locked it
   * @throws FileAccessError, or the system's error (locks not supported)
   */
  lock(path: string): Promise<Disposable | undefined>;
  /**
   * Tells of what happens in a directory and all below it, as far as the
   * system does: changes made over a network are not heard of.
   *
   * @returns at once: whether it can, `hears()` says
   */
  watch(directory: string, listener: FileListener): DirectoryWatch;
  /**
   * Writes a file that is either wholly there afterwards or not at all:
   * temporary file, fsync, rename (or link, when it must not exist yet). A
   * program that is killed meanwhile leaves a file `*.tmp` behind.
   *
   * @returns false when `ifAbsent` is set and the file exists already
   * @throws FileAccessError, or the system's error (disk full)
   */
  writeAtomically(
    path: string,
    bytes: Uint8Array,
    options: { readonly mode: number; readonly ifAbsent?: boolean },
  ): Promise<boolean>;
  /**
   * Writes to the end of a file that is there, and to the disk. A program that
   * is killed meanwhile leaves a part of it behind.
   *
   * @throws FileNotFoundError, FileAccessError, or the system's error (disk full)
   */
  append(path: string, bytes: Uint8Array): Promise<void>;
}
