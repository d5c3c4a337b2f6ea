import { isOutOfDescriptors } from "../core/error_code.ts";
import {
  type DirectoryEntry,
  FileAccessError,
  type FileEvent,
  type FileInfo,
  type FileListener,
  FileNotFoundError,
  type FileSystem,
  type OpenFile,
  SystemLimitError,
} from "../core/file_system.ts";
import { messageOf } from "../core/printable.ts";

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
    translate(`look at "${path}"`, async () => infoOf(await Deno.stat(path))),
  realPath: (path) => translate(`resolve "${path}"`, () => Deno.realPath(path)),
  open: (path) => translate(`read "${path}"`, () => openFile(path)),
  readText: (path) =>
    translate(`read "${path}"`, () => Deno.readTextFile(path)),
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
};

async function openFile(path: string): Promise<OpenFile> {
  const file = await Deno.open(path);
  let position = 0;
  return {
    // To ask a thread for it takes ten times as long, at every range.
    info: () => infoOf(file.statSync()),
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

/** By flock, which the kernel releases when the process is gone. */
async function lock(path: string): Promise<Disposable | undefined> {
  const file = await Deno.open(path, { write: true, create: true });
  let isLocked = false;
  try {
    isLocked = await file.tryLock(true);
    if (!isLocked) return undefined;
    await file.truncate();
    await file.write(new TextEncoder().encode(`${Deno.pid}\n`));
    return file;
  } finally {
    if (!isLocked) file.close();
  }
}

/** inotify: a read gives no event, the close after a write gives `access`. */
const EVENT_KINDS: ReadonlyMap<string, FileEvent["kind"]> = new Map([
  ["create", "created"],
  ["modify", "modified"],
  ["access", "closed"],
  ["rename", "moved"],
]);

function watch(
  directory: string,
  { onEvent, onEnd }: FileListener,
): Disposable {
  const watcher = openWatcher(directory);
  let closed = false;
  const read = async () => {
    try {
      for await (const { kind, paths } of watcher) {
        onEvent({ kind: EVENT_KINDS.get(kind) ?? "other", paths });
      }
    } catch (error) {
      if (!closed) onEnd(messageOf(error));
    }
  };
  void read();
  return {
    [Symbol.dispose]() {
      if (!closed) watcher.close();
      closed = true;
    },
  };
}

function openWatcher(directory: string): Deno.FsWatcher {
  try {
    return Deno.watchFs(directory, { recursive: true });
  } catch (cause) {
    throw translated(`watch "${directory}"`, cause);
  }
}

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
  const temporary = `${path}.${crypto.randomUUID()}.tmp`;
  try {
    using file = await Deno.open(temporary, {
      write: true,
      createNew: true,
      mode,
    });
    for (let done = 0; done < bytes.length;) {
      done += await file.write(bytes.subarray(done));
    }
    await file.sync();
    if (ifAbsent) await Deno.link(temporary, path);
    else await Deno.rename(temporary, path);
  } catch (error) {
    if (ifAbsent && error instanceof Deno.errors.AlreadyExists) return false;
    throw error;
  } finally {
    await Deno.remove(temporary).catch(() => {
      // Renamed away, or never made.
    });
  }
  // Loaded late: 1.5 ms that a discovery without a state file need not spend.
  const { dirname } = await import("node:path");
  using directory = await Deno.open(dirname(path));
  await directory.sync();
  return true;
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

/** Gives the runtime's errors the port's names, and says what was tried. */
async function translate<T>(
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
  if (
    cause instanceof Deno.errors.NotFound ||
    cause instanceof Deno.errors.NotADirectory
  ) return new FileNotFoundError(`Cannot ${action}: it does not exist`);
  if (
    cause instanceof Deno.errors.PermissionDenied ||
    cause instanceof Deno.errors.FilesystemLoop
  ) return new FileAccessError(`Cannot ${action}: permission denied`);
  if (isOutOfDescriptors(cause)) {
    // The same whatever was tried, so that it is said once.
    return new SystemLimitError(
      "Cannot open any more files: too many are open; allow more with ulimit -n or LimitNOFILE=",
    );
  }
  if (cause instanceof Deno.errors.AlreadyExists) {
    return new FileAccessError(`Cannot ${action}: a file is in the way`);
  }
  if (cause instanceof Deno.errors.IsADirectory) {
    return new FileAccessError(`Cannot ${action}: it is a directory`);
  }
  return new Error(`Cannot ${action}`, { cause });
}
