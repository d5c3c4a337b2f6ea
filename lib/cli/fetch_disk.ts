import { errorCode } from "../core/error_code.ts";
import type { Extent, FetchDisk, WritableFile } from "../fetch/fetch_disk.ts";
import { disk, translate } from "./disk.ts";

/** The machine's own disk, for images that are fetched. */
export const fetchDisk: FetchDisk = {
  ...disk,
  openForWriting: (path) =>
    translate(`write "${path}"`, () => openForWriting(path)),
  extentOf: (path) => translate(`stat "${path}"`, () => extentOf(path)),
  link: (from, to) =>
    translate(`link "${from}" to "${to}"`, () => link(from, to)),
  lockDirectory: (path) =>
    translate(`make directory "${path}"`, () => lockDirectory(path)),
  removeTree: (path) => translate(`remove "${path}"`, () => removeTree(path)),
  replaceDirectory,
  syncDirectory: (path) =>
    translate(`write "${path}"`, async () => {
      using directory = await Deno.open(path);
      await directory.sync();
    }),
  async freeBytes(path) {
    const { statfs } = await import("node:fs/promises");
    try {
      const { bavail, bsize } = await statfs(path);
      return bavail * bsize;
    } catch {
      // Below /dev, for example, Deno does not permit it.
      return undefined;
    }
  },
};

async function openForWriting(path: string): Promise<WritableFile> {
  const file = await Deno.open(path, { read: true, write: true, create: true });
  let position = 0;
  const seek = (offsetBytes: number) => {
    // Touches no disk, and the asynchronous one would cost a thread.
    if (offsetBytes !== position) {
      file.seekSync(offsetBytes, Deno.SeekMode.Start);
    }
    position = offsetBytes;
  };
  return {
    async writeAt(bytes, offsetBytes) {
      seek(offsetBytes);
      for (let done = 0; done < bytes.length;) {
        done += await file.write(bytes.subarray(done));
      }
      position += bytes.length;
    },
    async readAt(buffer, offsetBytes) {
      seek(offsetBytes);
      const count = await file.read(buffer) ?? 0;
      position += count;
      return count;
    },
    truncate: (sizeBytes) => file.truncate(sizeBytes),
    sync: () => file.syncData(),
    [Symbol.dispose]: () => file.close(),
  };
}

async function extentOf(path: string): Promise<Extent> {
  const { size, blocks } = await Deno.stat(path);
  return {
    sizeBytes: size,
    // In units of 512 bytes on every file system (stat(2)).
    allocatedBytes: blocks === null ? size : blocks * 512,
  };
}

async function link(from: string, to: string): Promise<void> {
  try {
    await Deno.link(from, to);
  } catch (error) {
    // FAT has no links, and none lead from one file system to another.
    if (
      !/^(EPERM|EXDEV|EMLINK|ENOTSUP|EOPNOTSUPP)$/.test(errorCode(error) ?? "")
    ) {
      throw error;
    }
    await Deno.copyFile(from, to);
    using copy = await Deno.open(to, { read: true, write: true });
    await copy.sync();
  }
}

/**
 * Locks the directory itself with flock. Another program that held the lock may
 * have removed it meanwhile: then the lock is worthless.
 */
async function lockDirectory(path: string): Promise<Disposable | undefined> {
  while (true) {
    await Deno.mkdir(path, { recursive: true });
    const directory = await Deno.open(path);
    try {
      if (!await directory.tryLock(true)) {
        directory.close();
        return undefined;
      }
      const [locked, named] = [
        await directory.stat(),
        await Deno.stat(path).catch(() => undefined),
      ];
      if (locked.ino === named?.ino) return directory;
    } catch {
      // Network file systems lock no directories.
      return directory;
    }
    directory.close();
  }
}

async function removeTree(path: string): Promise<void> {
  await Deno.remove(path, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
}

function replaceDirectory(
  { next, present, aside }: Parameters<FetchDisk["replaceDirectory"]>[0],
): void {
  let isAside = false;
  try {
    Deno.renameSync(present, aside);
    isAside = true;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  try {
    Deno.renameSync(next, present);
  } catch (error) {
    if (isAside) Deno.renameSync(aside, present);
    throw error;
  }
}
