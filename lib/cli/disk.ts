import { isOutOfDescriptors } from "../core/error_code.ts";
import {
  type DirectoryEntry,
  type DirectoryWatch,
  FileAccessError,
  type FileInfo,
  type FileListener,
  FileNotFoundError,
  type FileSystem,
  type OpenFile,
  SystemLimitError,
} from "../core/file_system.ts";
import { watchDirectory } from "./disk_watcher.ts";

/** Far more than any such file needs: a larger one was named by mistake. */
const MAX_NAMED_BYTES = 1024 * 1024;

/** The machine's own disk. */
export const disk: FileSystem = {
  list: (directory) =>
    translate(`list "${directory}"`, async () => {
      const entries: DirectoryEntry[] = [];
      for await (const entry of Deno.readDir(directory)) {
        entries.push({ name: entry.name, kind: kindOf(entry) });
      }
      return entries;
    }),
  stat: (path) =>
    translate(`stat "${path}"`, async () => infoOf(await Deno.stat(path))),
  realPath: (path) => translate(`resolve "${path}"`, () => Deno.realPath(path)),
  kindOf: async (path) => {
    // Loaded late: a discovery does not need it.
    const { statfs } = await import("node:fs/promises");
    try {
      return (await statfs(path)).type;
    } catch {
      // Below /dev, for example, Deno does not permit it.
      return undefined;
    }
  },
  open: (path, { isRegular = false } = {}) =>
    translate(`read "${path}"`, async () => {
      if (!isRegular) await refusePipe(path);
      return await openFile(path);
    }),
  readText: (path, { mayBePipe = false } = {}) =>
    translate(`read "${path}"`, async () => {
      if (!mayBePipe) await refusePipe(path);
      else if ((await Deno.stat(path)).size > MAX_NAMED_BYTES) {
        throw new FileAccessError(`read "${path}"`, "it is larger than 1 MiB");
      }
      return await Deno.readTextFile(path);
    }),
  makeDirectory: (path, mode) =>
    translate(
      `make directory "${path}"`,
      () => Deno.mkdir(path, { recursive: true, mode }),
    ),
  rename: (from, to) =>
    translate(`rename "${from}" to "${to}"`, () => Deno.rename(from, to)),
  removeFile: (path) => translate(`remove "${path}"`, () => Deno.remove(path)),
  lock: (path) => translate(`lock "${path}"`, () => lock(path)),
  watch,
  writeAtomically: (path, bytes, options) =>
    translate(`write "${path}"`, () => writeAtomically(path, bytes, options)),
  append: (path, bytes) =>
    translate(`write "${path}"`, async () => {
      await refusePipe(path);
      using file = await Deno.open(path, { append: true });
      await writeAll(file, bytes);
      await file.sync();
    }),
};

/** A FIFO would be waited for, on a thread of which there are few. */
async function refusePipe(path: string): Promise<void> {
  if (kindOf(await Deno.stat(path)) === "other") {
    throw new FileAccessError(`read "${path}"`, "it is not a regular file");
  }
}

async function openFile(path: string): Promise<OpenFile> {
  const file = await Deno.open(path);
  let position = 0;
  let opened: Deno.FileInfo | undefined;
  return {
    // Asking a thread for it would take ten times as long, for every range.
    info: () => infoOf(opened = statOf(file, path, opened)),
    async readAt(buffer, offsetBytes) {
      if (offsetBytes !== position) {
        // Touches no disk, and the asynchronous one would cost a thread.
        file.seekSync(offsetBytes, Deno.SeekMode.Start);
      }
      const count = await file.read(buffer) ?? 0;
      position = offsetBytes + count;
      return count;
    },
    [Symbol.dispose]: () => file.close(),
  };
}

/**
 * The state of an open file. Of a path it comes in less than half the time: of
 * a file the runtime finds out the path first, link by link, to check that it
 * may be read.
 *
 * @param known an earlier state of the file
 */
function statOf(
  file: Deno.FsFile,
  path: string,
  known: Deno.FileInfo | undefined,
): Deno.FileInfo {
  if (known !== undefined && known.ino !== null) {
    try {
      const found = Deno.statSync(path);
      // While it is open, no other file gets its number.
      if (found.ino === known.ino && found.dev === known.dev) return found;
    } catch {
      // Nothing has its path any more.
    }
  }
  return file.statSync();
}

/** Uses flock, which the kernel releases when the process ends. */
async function lock(path: string): Promise<Disposable | undefined> {
  await refusePipe(path).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  const file = await Deno.open(path, { write: true, create: true });
  let isLocked = false;
  try {
    isLocked = await file.tryLock(true);
    if (!isLocked) return undefined;
    // Only for the message of another program: a full disk takes none.
    await file.truncate()
      .then(() => file.write(new TextEncoder().encode(`${Deno.pid}\n`)))
      .catch(() => {});
    return file;
  } finally {
    if (!isLocked) file.close();
  }
}

function watch(directory: string, listener: FileListener): DirectoryWatch {
  const watch = watchDirectory(directory, listener);
  return {
    hears: () => translate(`watch "${directory}"`, () => watch.hears()),
    [Symbol.dispose]: () => watch[Symbol.dispose](),
  };
}

/** As many as Linux follows. */
const MAX_LINKS = 40;

/**
 * Temporary file beside the target, fsync, then rename over it; or link, which
 * fails when the target exists, so that two starting processes agree on one
 * file. The directory is synced last, or a power cut could undo the rename.
 */
async function writeAtomically(
  path: string,
  bytes: Uint8Array,
  { mode, ifAbsent = false }: { mode: number; ifAbsent?: boolean },
): Promise<boolean> {
  // Loaded late: 1.5 ms that a discovery without a state file need not spend.
  const { dirname, resolve } = await import("node:path");
  // What is written over is what the path leads to, there or not; a new file is
  // made at the path itself.
  for (let links = 0; !ifAbsent && links < MAX_LINKS; links++) {
    const target = await Deno.readLink(path).catch(() => undefined);
    if (target === undefined) break;
    path = resolve(dirname(path), target);
  }
  const temporary = `${path}.${crypto.randomUUID()}.tmp`;
  const discard = () =>
    Deno.remove(temporary).catch(() => {
      // It was never made.
    });
  try {
    using file = await Deno.open(temporary, {
      write: true,
      createNew: true,
      mode,
    });
    await writeAll(file, bytes);
    await file.sync();
    if (ifAbsent) await Deno.link(temporary, path).then(discard);
    else await Deno.rename(temporary, path);
  } catch (error) {
    await discard();
    if (ifAbsent && error instanceof Deno.errors.AlreadyExists) return false;
    throw error;
  }
  using directory = await Deno.open(dirname(path));
  await directory.sync();
  return true;
}

async function writeAll(
  file: Deno.FsFile,
  bytes: Uint8Array,
): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    done += await file.write(bytes.subarray(done));
  }
}

function infoOf(stat: Deno.FileInfo): FileInfo {
  return {
    kind: kindOf(stat),
    sizeBytes: stat.size,
    modifiedMs: stat.mtime?.getTime() ?? 0,
    changedMs: stat.ctime?.getTime() ?? 0,
    device: stat.dev,
    inode: stat.ino ?? 0,
    linkCount: stat.nlink ?? 1,
    mode: (stat.mode ?? 0) & 0o7777,
  };
}

function kindOf(
  entry: { isFile: boolean; isDirectory: boolean; isSymlink: boolean },
): FileInfo["kind"] {
  if (entry.isSymlink) return "symlink";
  if (entry.isDirectory) return "directory";
  return entry.isFile ? "file" : "other";
}

/**
 * Gives the runtime's errors the port's names, and says what was tried.
 *
 * @param action as in `read "/a"`
 */
export async function translate<T>(
  action: string,
  run: () => Promise<T>,
): Promise<T> {
  try {
    return await run();
  } catch (cause) {
    throw translated(action, cause);
  }
}

function translated(action: string, cause: unknown): Error {
  if (cause instanceof FileAccessError) return cause;
  if (isOutOfDescriptors(cause)) {
    // The same text for every operation, so that it is logged once.
    return new SystemLimitError(
      "Cannot open any more files: too many are open; allow more with ulimit -n or LimitNOFILE=",
    );
  }
  // The watcher's come from another thread, without their class.
  switch (cause instanceof Error ? cause.name : undefined) {
    case "NotFound":
    case "NotADirectory":
      return new FileNotFoundError(`Cannot ${action}: it does not exist`);
    case "PermissionDenied":
      return new FileAccessError(action, "permission denied");
    case "FilesystemLoop":
      return new FileAccessError(action, "its symbolic links form a loop");
    case "AlreadyExists":
      return new FileAccessError(action, "a file is in the way");
    case "IsADirectory":
      return new FileAccessError(action, "it is a directory");
    default:
      return new Error(`Cannot ${action}`, { cause });
  }
}
