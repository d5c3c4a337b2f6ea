import { join } from "node:path";
import { UserError } from "../core/errors.ts";
import type { FileSystem } from "../core/file_system.ts";
import { messageOf, printable } from "../core/printable.ts";
import type { Machine } from "./machine.ts";

/**
 * Where a provider keeps its keys and counters when nothing else is
 * configured: systemd's `STATE_DIRECTORY`, else as the XDG Base Directory
 * Specification says, else `/var/lib/plasmd`. Never inside the artifacts.
 *
 * @param environment reads one variable
 */
export function defaultStateDirectory(
  environment: (name: string) => string | undefined,
): string {
  const systemd = environment("STATE_DIRECTORY")?.split(":")[0];
  if (systemd) return systemd;
  const xdg = environment("XDG_STATE_HOME");
  if (xdg?.startsWith("/")) return join(xdg, "plasmd");
  const home = environment("HOME");
  return home ? join(home, ".local/state/plasmd") : "/var/lib/plasmd";
}

/** Where a provider keeps the key that it made itself. */
export function signingKeyPath(stateDir: string): string {
  return join(stateDir, "signing.key");
}

/** The temporary files of `FileSystem.writeAtomically()`. */
const LEFTOVER = /\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.tmp$/;

/**
 * Makes the state directory where there is none, and keeps other providers out
 * of it: two would raise each other's counters and share one identity. A
 * disk that cannot lock, or not be written to, is used all the same.
 *
 * @returns unlocks it when it is disposed of
 * @throws UserError when another provider uses it
 */
export async function openStateDirectory(
  stateDir: string,
  { fileSystem, logger }: Pick<Machine, "fileSystem" | "logger">,
): Promise<Disposable> {
  await fileSystem.makeDirectory(stateDir, 0o700);
  const path = join(stateDir, "lock");
  let lock: Disposable | undefined;
  try {
    lock = await fileSystem.lock(path);
  } catch (error) {
    logger.warn(
      `${
        messageOf(error)
      }: see to it that no other provider uses "${stateDir}"`,
    );
    return { [Symbol.dispose]() {} };
  }
  if (lock !== undefined) {
    await removeLeftovers(stateDir, fileSystem);
    return lock;
  }
  const holder = await fileSystem.readText(path).catch(() => "");
  throw new UserError(
    `Cannot use state directory "${stateDir}": another plasmd uses it ` +
      `(process ${printable(holder.trim(), 20) || "unknown"}); stop that one ` +
      "or name another directory with --state-dir",
  );
}

/** Removes the temporary files of a provider that was killed while writing. */
async function removeLeftovers(
  directory: string,
  fileSystem: FileSystem,
): Promise<void> {
  for (const { name, kind } of await fileSystem.list(directory)) {
    const path = join(directory, name);
    if (kind === "directory") await removeLeftovers(path, fileSystem);
    else if (LEFTOVER.test(name)) await fileSystem.removeFile(path);
  }
}
