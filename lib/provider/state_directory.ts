import { join } from "node:path";
import { UserError } from "../core/errors.ts";
import {
  FileAccessError,
  FileNotFoundError,
  type FileSystem,
} from "../core/file_system.ts";
import type { Logger } from "../core/log.ts";
import { mapParallel } from "../core/map_parallel.ts";
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

/** Where an operator puts the trust documents to hand on. */
export function trustDirectory(stateDir: string): string {
  return join(stateDir, "trust");
}

/** The temporary files of `FileSystem.writeAtomically()`. */
const LEFTOVER = /\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.tmp$/;

/** A state directory, unlocked when it is disposed of. */
export interface StateDirectory extends Disposable {
  /**
   * Told of what cannot be kept there. Where nothing can be from the start, the
   * operator has had one warning of it all, and these are for debugging.
   */
  readonly stateLogger: Logger;
}

/**
 * Makes the state directory if needed, and keeps other providers out of it: two
 * would raise each other's counters and share one identity. A directory that
 * cannot be locked or written to is used all the same: whatever has to be made
 * there and cannot says so when it is needed.
 *
 * @throws UserError when another provider uses it
 * @throws FileAccessError when it is a file, or may not be made
 */
export async function openStateDirectory(
  stateDir: string,
  { fileSystem, logger }: Pick<Machine, "fileSystem" | "logger">,
): Promise<StateDirectory> {
  await makeIfWritable(stateDir, fileSystem);
  const lock = await lockOrNot(stateDir, fileSystem);
  const problem = await writeProblem(stateDir, fileSystem);
  const opened = { [Symbol.dispose]: lock[Symbol.dispose] };
  const others = lock.problem === undefined
    ? ""
    : `; make sure that no other provider uses "${stateDir}"`;
  if (problem === undefined) {
    if (lock.problem !== undefined) logger.warn(`${lock.problem}${others}`);
    return { ...opened, stateLogger: logger };
  }
  logger.warn(
    `Cannot write to the state directory: ${problem}; plasmd goes on without it, but after a restart artifacts are read again, manifests get higher versions although nothing has changed, and the DHT is joined from scratch${others}`,
  );
  return {
    ...opened,
    stateLogger: {
      debug: (message) => logger.debug(message),
      info: (message) => logger.info(message),
      warn: (message) => logger.debug(message),
      error: (message) => logger.error(message),
    },
  };
}

/** A disk that is full or read-only is another matter than a wrong path. */
async function makeIfWritable(
  stateDir: string,
  fileSystem: FileSystem,
): Promise<void> {
  try {
    await fileSystem.makeDirectory(stateDir, 0o700);
  } catch (error) {
    if (
      error instanceof FileAccessError || error instanceof FileNotFoundError
    ) throw error;
  }
}

/** @throws UserError when another provider has locked it */
async function lockOrNot(
  stateDir: string,
  fileSystem: FileSystem,
): Promise<Disposable & { readonly problem?: string }> {
  const path = join(stateDir, "lock");
  let lock: Disposable | undefined;
  try {
    lock = await fileSystem.lock(path);
  } catch (error) {
    return { problem: messageOf(error), [Symbol.dispose]() {} };
  }
  if (lock !== undefined) {
    await removeLeftovers(stateDir, fileSystem).catch(() => {
      // They only take up room.
    });
    return { [Symbol.dispose]: () => lock[Symbol.dispose]() };
  }
  const holder = await fileSystem.readText(path).catch(() => "");
  throw new UserError(
    `Cannot use state directory "${stateDir}": another plasmd uses it ` +
      `(process ${printable(holder.trim(), 20) || "unknown"}); stop that one ` +
      "or name another directory with --state-dir",
  );
}

/** Why nothing can be written below a directory; undefined where it can. */
async function writeProblem(
  stateDir: string,
  fileSystem: FileSystem,
): Promise<string | undefined> {
  const path = join(stateDir, "probe");
  try {
    await fileSystem.writeAtomically(path, Uint8Array.of(0), { mode: 0o600 });
    await fileSystem.removeFile(path);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

/** Removes the temporary files of a provider that was killed while writing. */
async function removeLeftovers(
  directory: string,
  fileSystem: FileSystem,
): Promise<void> {
  // There is a directory of manifests for each of perhaps thousands of channels.
  await mapParallel(await fileSystem.list(directory), async (entry) => {
    const path = join(directory, entry.name);
    if (entry.kind === "directory") await removeLeftovers(path, fileSystem);
    else if (LEFTOVER.test(entry.name)) await fileSystem.removeFile(path);
  });
}
