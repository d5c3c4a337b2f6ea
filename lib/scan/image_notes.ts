import { type DirectoryEntry, SystemLimitError } from "../core/file_system.ts";
import { messageOf } from "../core/printable.ts";
import { ok, refuse, type Result } from "../core/result.ts";
import { type ImageScope, resolveFile } from "./image_listing.ts";

/** The kernel's own limit is 4 KiB at most on the architectures we serve. */
const MAX_CMDLINE_LENGTH = 4096;
const MAX_VERSION_LENGTH = 64;
/** Comments of a cmdline are not counted, but read. */
const MAX_CMDLINE_FILE_LENGTH = 64 * 1024;

/**
 * The kernel command line in the file `cmdline`: its lines as one, without
 * those that begin with `#`.
 *
 * @returns undefined when there is none
 */
export async function readCmdline(
  kind: DirectoryEntry["kind"] | undefined,
  scope: ImageScope,
): Promise<Result<string | undefined>> {
  return await readNote("cmdline", {
    kind,
    maxLength: MAX_CMDLINE_LENGTH,
    maxFileLength: MAX_CMDLINE_FILE_LENGTH,
    scope,
  });
}

/**
 * The text of the file `version`.
 *
 * @returns undefined when there is none
 */
export async function readVersion(
  kind: DirectoryEntry["kind"] | undefined,
  scope: ImageScope,
): Promise<Result<string | undefined>> {
  const maxLength = MAX_VERSION_LENGTH;
  return await readNote("version", {
    kind,
    maxLength,
    maxFileLength: maxLength,
    scope,
  });
}

/** One line of text, its white space folded; undefined for none. */
async function readNote(
  name: "cmdline" | "version",
  { kind, maxLength, maxFileLength, scope }: {
    readonly kind: DirectoryEntry["kind"] | undefined;
    readonly maxLength: number;
    readonly maxFileLength: number;
    readonly scope: ImageScope;
  },
): Promise<Result<string | undefined>> {
  if (kind === undefined) return ok(undefined);
  const file = await readNoteText(name, {
    kind,
    maxLength: maxFileLength,
    scope,
  });
  if (!file.ok) return file;
  const lines = file.value.split(/\r?\n/);
  const text =
    (name === "cmdline" ? lines.filter((line) => !/^\s*#/.test(line)) : lines)
      .join(" ").trim().replace(/\s+/g, " ");
  if (text.length > maxLength) return tooLong(maxLength);
  if (/[\p{Cc}\p{Cs}\uFFFD]/u.test(text)) {
    return refuse("it is not plain text");
  }
  return ok(text === "" ? undefined : text);
}

/**
 * A small text file of an image directory, whole.
 *
 * @param path relative to the directory
 * @throws SystemLimitError
 */
export async function readNoteText(
  path: string,
  { kind, maxLength, scope }: {
    readonly kind: DirectoryEntry["kind"] | undefined;
    readonly maxLength: number;
    readonly scope: ImageScope;
  },
): Promise<Result<string>> {
  const file = await resolveFile(path, kind, scope);
  if (!file.ok) return file;
  if (file.value.info.sizeBytes > maxLength * 4) return tooLong(maxLength);
  try {
    return ok(await scope.fileSystem.readText(file.value.path));
  } catch (error) {
    if (error instanceof SystemLimitError) throw error;
    return refuse(messageOf(error));
  }
}

function tooLong(maxLength: number): Result<never> {
  return refuse(`it is longer than ${maxLength} characters`);
}
