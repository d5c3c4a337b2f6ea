import type { FileSystem } from "../core/file_system.ts";

/** What the system lends a provider, as far as it tells. */
export interface Limits {
  /** How many files and sockets the process may have open at a time. */
  readonly descriptors: number | undefined;
  /** How many directories a user's programs may watch together. */
  readonly watches: number | undefined;
}

/**
 * Reads what the system allows a process: from /proc, which Deno only shows
 * with `--allow-all`.
 *
 * @param pid the provider's; undefined: our own, as it would be started here
 * @returns undefined where that may not be looked at
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

/** Where there is no number the limit is none, or not told. */
function numberIn(text: string, pattern: RegExp): number | undefined {
  const digits = pattern.exec(text)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
