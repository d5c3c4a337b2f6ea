import type { FileSystem } from "../core/file_system.ts";

/** The system's limits for a provider, as far as they are known. */
export interface Limits {
  /** How many files and sockets the process may have open at once. */
  readonly descriptors: number | undefined;
  /** How many directories a user's programs may watch in total. */
  readonly watches: number | undefined;
}

/**
 * Reads the limits of a process from /proc, which Deno only permits with
 * `--allow-all`.
 *
 * @param pid the provider's; undefined: our own, for a provider started here
 * @returns undefined if they may not be read
 */
export async function readLimits(
  pid: number | undefined,
  fileSystem: Pick<FileSystem, "readText">,
): Promise<Limits | undefined> {
  const read = (path: string) =>
    fileSystem.readText(path).catch(() => undefined);
  const limits = await read(`/proc/${pid ?? "self"}/limits`);
  if (limits === undefined) return undefined;
  return {
    descriptors: numberIn(limits, /^Max open files\s+(\d+)/m),
    watches: numberIn(
      await read("/proc/sys/fs/inotify/max_user_watches") ?? "",
      /^(\d+)/,
    ),
  };
}

/** Without a number, there is no limit or it is unknown. */
function numberIn(text: string, pattern: RegExp): number | undefined {
  const digits = pattern.exec(text)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
