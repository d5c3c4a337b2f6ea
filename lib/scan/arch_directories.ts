import { join } from "node:path";
import { parseArch } from "../core/channel_arch.ts";
import {
  type DirectoryEntry,
  FileNotFoundError,
  type FileSystem,
  SystemLimitError,
} from "../core/file_system.ts";
import { messageOf, printable } from "../core/printable.ts";
import { specialFileWarnings } from "./image_listing.ts";
import type { Listing, ScannedDirectory } from "./known_directories.ts";
import type { ChannelLook } from "./scan_look.ts";

/**
 * The directories of one channel by canonical architecture, a canonical name
 * before its aliases.
 *
 * @param warnings takes what is passed over
 * @returns undefined when there is no such directory
 */
export async function findArchDirectories<R>(
  directory: ScannedDirectory,
  { fileSystem, look }: {
    readonly fileSystem: FileSystem;
    readonly look: ChannelLook<R> | undefined;
  },
  warnings: string[],
): Promise<Map<string, DirectoryEntry[]> | undefined> {
  const { path } = directory;
  const found = new Map<string, DirectoryEntry[]>();
  const read = () => listChannel(path, fileSystem);
  const listing = await (look?.list(directory, read) ?? read());
  if (listing === undefined) return undefined;
  if ("problem" in listing) {
    warnings.push(`${listing.problem}; its images are not offered`);
    return found;
  }
  warnings.push(...specialFileWarnings(listing.entries, path));
  for (const entry of listing.entries) {
    const { name, kind } = entry;
    if (kind === "file" || kind === "other" || name.startsWith(".")) continue;
    const arch = parseArch(name);
    if (!arch.ok) {
      warnings.push(unsafeName(path, name, arch.reason));
      continue;
    }
    const entries = found.get(arch.value) ?? [];
    if (name === arch.value) entries.unshift(entry);
    else entries.push(entry);
    found.set(arch.value, entries);
  }
  return found;
}

async function listChannel(
  path: string,
  fileSystem: FileSystem,
): Promise<Listing> {
  try {
    return { entries: await fileSystem.list(path) };
  } catch (error) {
    if (error instanceof SystemLimitError) throw error;
    return error instanceof FileNotFoundError
      ? undefined
      : { problem: messageOf(error) };
  }
}

/** The warning about a directory whose name cannot be used. */
export function unsafeName(
  directory: string,
  name: string,
  reason: string,
): string {
  const path = join(directory, printable(name, 64));
  return `Ignoring directory "${path}": ${reason}; rename it to offer it`;
}
