import { FileNotFoundError } from "../core/file_system.ts";
import type { FetchDisk } from "./fetch_disk.ts";

/** Where an image is put together, beside where it will be. */
export interface WorkPaths {
  /** The image's own directory, which others see. */
  readonly present: string;
  /** The one above it. */
  readonly parent: string;
  /** What is not whole yet. A dot file, which nobody offers. */
  readonly work: string;
  /** Files that are whole and verified, under the names that they will have. */
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
 * Puts back what a fetch set aside when it was killed between two renames, or
 * removes it where the new image is in place. To be called before an image is
 * read that may have been fetched; a fetch does it by itself.
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

/** Whether a path leads to something. */
export async function isThere(path: string, disk: FetchDisk): Promise<boolean> {
  try {
    await disk.stat(path);
    return true;
  } catch (error) {
    if (error instanceof FileNotFoundError) return false;
    throw error;
  }
}
