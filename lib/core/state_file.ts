import { UserError } from "./errors.ts";
import { FileNotFoundError, type FileSystem } from "./file_system.ts";
import type { Logger } from "./log.ts";
import { messageOf } from "./printable.ts";
import type { Result } from "./result.ts";

/** Where something is kept that can be lost. */
export interface StateFile {
  /** The disk. */
  readonly fileSystem: FileSystem;
  readonly path: string;
  /** Told when it cannot be read. */
  readonly logger: Logger;
}

/**
 * Reads a state file that may be lost without harm. A damaged one is set aside
 * with a warning.
 *
 * @param format the highest number that this program writes
 * @param loss what becomes of it without the file, one clause
 * @returns undefined where there is none, an empty one, or none that can be read
 * @throws UserError when a newer program has kept it
 */
export async function readStateFile<T>(
  { fileSystem, path, logger }: StateFile,
  { format, loss, decode }: {
    readonly format: number;
    readonly loss: string;
    readonly decode: (text: string) => Result<T>;
  },
): Promise<T | undefined> {
  try {
    const text = await fileSystem.readText(path);
    if (text === "") return undefined;
    refuseNewerState(text, format, { path, loss });
    const state = decode(text);
    if (state.ok) return state.value;
    const aside = await setAside(path, fileSystem);
    logger.warn(
      `Moved "${path}" to "${aside}", since ${state.reason}: ${loss}`,
    );
  } catch (error) {
    if (error instanceof UserError) throw error;
    if (!(error instanceof FileNotFoundError)) {
      logger.warn(`${messageOf(error)}: ${loss}`);
    }
  }
  return undefined;
}

/**
 * Refuses a state file that a newer program than this one has made: to read it
 * might be to get it wrong, and to write it would be to lose what is in it.
 *
 * @param text JSON, which begins with `format` in every version of the program;
 * one that does not is from before forms had numbers
 * @param known the highest number that this program writes
 * @param loss what becomes of it when the file is deleted, one clause
 * @throws UserError that names the file, and says what can be done
 */
export function refuseNewerState(
  text: string,
  known: number,
  { path, loss }: { readonly path: string; readonly loss: string },
): void {
  const [, format] = /^\s*\{\s*"format"\s*:\s*(\d{1,9})\b/.exec(text) ?? [];
  if (format === undefined || Number(format) <= known) return;
  throw new UserError(
    `Cannot use "${path}": a newer version of this program wrote it (format ${format}, this one knows ${known}); run that version, or delete the file, after which ${loss}`,
  );
}

/**
 * Moves an unreadable file out of the way, so that it can be examined and a new
 * one can be made. Only the latest is kept.
 *
 * @returns its new path
 */
export async function setAside(
  path: string,
  fileSystem: FileSystem,
): Promise<string> {
  const aside = `${path}.damaged`;
  await fileSystem.rename(path, aside);
  return aside;
}
