import { basename } from "node:path";
import { FileNotFoundError } from "../core/file_system.ts";
import { ok, refuse, type Result } from "../core/result.ts";
import { sha256Of } from "./sha256_of.ts";
import { filesBelow } from "./present_files.ts";
import type { FetchDisk } from "./fetch_disk.ts";

/** Where an image is put together, beside where it will be. */
export interface WorkPaths {
  /** The image's own directory, which others see. */
  readonly present: string;
  /** The one above it. */
  readonly parent: string;
  /** Where incomplete files are kept: a dot file, which is never offered. */
  readonly work: string;
  /** The image as it will be, for the moment in which it is put into place. */
  readonly next: string;
  /** What was there before, for the moment in which it is replaced. */
  readonly aside: string;
}

/**
 * Where an image is put together.
 *
 * @param directory the image's own, `DIR/<channel>/<arch>`
 */
export function workPaths(directory: string): WorkPaths {
  const present = directory.replace(/\/+$/, "");
  const slash = present.lastIndexOf("/");
  const parent = slash < 0 ? "." : present.slice(0, slash);
  const name = present.slice(slash + 1);
  const work = `${parent}/.${name}.fetch`;
  return {
    present,
    parent: parent || "/",
    work,
    next: `${work}/image`,
    aside: `${parent}/.${name}.replaced`,
  };
}

/**
 * Restores what a fetch had set aside when it was killed between two renames,
 * or removes it if the new image is in place. Call it before reading an image
 * that may have been fetched; a fetch does so itself.
 *
 * @param directory the image's own
 * @throws FileAccessError, or the system's error
 */
export async function recoverImage(
  directory: string,
  disk: FetchDisk,
): Promise<void> {
  const { present, aside } = workPaths(directory);
  if (!await isThere(aside, disk)) return;
  if (await isThere(present, disk)) await disk.removeTree(aside);
  else await disk.rename(aside, present);
}

async function isThere(path: string, disk: FetchDisk): Promise<boolean> {
  try {
    await disk.stat(path);
    return true;
  } catch (error) {
    if (error instanceof FileNotFoundError) return false;
    throw error;
  }
}

/** Whether there is a symbolic link, to whatever, in the place of an image. */
async function isLink(
  { present, parent }: WorkPaths,
  disk: FetchDisk,
): Promise<boolean> {
  try {
    const entries = await disk.list(parent);
    return entries.some(({ name, kind }) =>
      kind === "symlink" && name === basename(present)
    );
  } catch (error) {
    if (error instanceof FileNotFoundError) return false;
    throw error;
  }
}

/** What every image that was fetched has. */
const MANIFEST = "manifest.json";

/**
 * Where one image is put together, by one program at a time. Disposing of it
 * lets others.
 *
 * What lies in it: `<sha256>.part`, a file that is fetched, whole or not;
 * `<sha256>.kept`, one that was there before; `<sha256>.pieces`, the list of a
 * file's pieces. The same file has the same name in whatever image, so that what
 * was fetched of one that was replaced meanwhile is used for the next.
 */
export class WorkDirectory implements Disposable {
  /** Its path, and the image. */
  readonly paths: WorkPaths;
  readonly #disk: FetchDisk;
  readonly #lock: Disposable;

  private constructor(paths: WorkPaths, disk: FetchDisk, lock: Disposable) {
    this.paths = paths;
    this.#disk = disk;
    this.#lock = lock;
  }

  /**
   * Resumes what an earlier fetch has left, or starts over.
   *
   * @param directory the image's own
   * @returns why not: another program fetches it, or a link or somebody else's
   * files are in its place
   * @throws FileAccessError, the system's error, or the signal's reason
   */
  static async open(
    directory: string,
    disk: FetchDisk,
    bounds: { readonly signal: AbortSignal },
  ): Promise<Result<WorkDirectory>> {
    const paths = workPaths(directory);
    if (await isLink(paths, disk)) {
      return refuse(
        `"${directory}" is a symbolic link, as in the directory of a mirror, and a fetch replaces neither a link nor its target: name another directory, or remove the link if nothing needs it`,
      );
    }
    const lock = await disk.lockDirectory(paths.work);
    if (lock === undefined) {
      return refuse(
        `Another program is fetching into "${directory}": wait for it, or name another directory`,
      );
    }
    const opened = new WorkDirectory(paths, disk, lock);
    try {
      await recoverImage(directory, disk);
      const present = await filesBelow(paths.present, disk);
      if (present.length > 0 && !present.includes(MANIFEST)) {
        opened[Symbol.dispose]();
        return refuse(
          `"${directory}" holds files but no ${MANIFEST}, so it was not made by a fetch: move them away, or name another directory`,
        );
      }
      await opened.#salvage(bounds);
      return ok(opened);
    } catch (error) {
      opened[Symbol.dispose]();
      throw error;
    }
  }

  /** Where a file is written that is not whole yet. */
  partOf(sha256: string): string {
    return `${this.paths.work}/${sha256}.part`;
  }

  /** Where a list of pieces is kept. */
  listOf(sha256: string): string {
    return `${this.paths.work}/${sha256}.pieces`;
  }

  /** Where a file that was there before has a second name. */
  keptOf(sha256: string): string {
    return `${this.paths.work}/${sha256}.kept`;
  }

  /**
   * A fetch that was killed at its end has left files under their last names.
   * Those that are in the present image as well are not to be written to.
   */
  async #salvage(bounds: { readonly signal: AbortSignal }): Promise<void> {
    const { present, next } = this.paths;
    const isSame = async (path: string) => {
      const [one, other] = await Promise.all([
        this.#disk.stat(`${next}/${path}`),
        this.#disk.stat(`${present}/${path}`).catch(() => undefined),
      ]);
      return one.inode === other?.inode && one.device === other.device;
    };
    for (const path of await filesBelow(next, this.#disk)) {
      if (await isSame(path)) continue;
      const sha256 = await sha256Of([`${next}/${path}`], this.#disk, bounds);
      await this.#disk.rename(`${next}/${path}`, this.partOf(sha256));
    }
    await this.#disk.removeTree(next);
  }

  /**
   * Removes what an earlier fetch has left of another image.
   *
   * @param sha256s what is of use still
   */
  async tidy(sha256s: ReadonlySet<string>): Promise<void> {
    const { work } = this.paths;
    for (const { name } of await this.#disk.list(work)) {
      const sha256 = /^([0-9a-f]{64})\.(?:part|pieces)$/.exec(name)?.[1];
      if (sha256 !== undefined && sha256s.has(sha256)) continue;
      await this.#disk.removeTree(`${work}/${name}`);
    }
  }

  /** Gives a verified file its names in the image; there may be several. */
  async place(from: string, paths: readonly string[]): Promise<void> {
    let at = from;
    for (const path of paths) {
      const place = `${this.paths.next}/${path}`;
      const directory = place.slice(0, place.lastIndexOf("/"));
      await this.#disk.makeDirectory(directory, 0o755);
      if (at === from) await this.#disk.rename(at, place);
      else await this.#disk.link(at, place);
      at = place;
    }
  }

  /** Has the image, which is whole now, replace what was there before. */
  async putInPlace(): Promise<void> {
    const { parent, next, aside, work } = this.paths;
    const directories = new Set([next]);
    for (const path of await filesBelow(next, this.#disk)) {
      const parts = path.split("/");
      for (let depth = 1; depth < parts.length; depth++) {
        directories.add(`${next}/${parts.slice(0, depth).join("/")}`);
      }
    }
    for (const directory of directories) {
      await this.#disk.syncDirectory(directory);
    }
    this.#disk.replaceDirectory(this.paths);
    await this.#disk.syncDirectory(parent);
    await this.#disk.removeTree(aside);
    await this.#disk.removeTree(work);
  }

  /** Removes it; nothing in it is needed. */
  async remove(): Promise<void> {
    await this.#disk.removeTree(this.paths.work);
  }

  /** Lets other programs fetch the image. */
  [Symbol.dispose](): void {
    this.#lock[Symbol.dispose]();
  }
}
