import type { DirectoryEntry } from "../core/file_system.ts";
import { orReason } from "../core/or_reason.ts";
import { ok, refuse, type Result } from "../core/result.ts";
import { type ImageScope, resolveFile } from "./image_listing.ts";

/** The longest text of each, and the longest file, in characters. */
const MAX_LENGTHS = {
  /**
   * The kernel's own limit is 4 KiB at most on the architectures we serve.
   * Comments are not counted, but read.
   */
  cmdline: { maxLength: 4096, maxFileLength: 64 * 1024 },
  version: { maxLength: 64, maxFileLength: 64 },
} as const;

/**
 * The text of the file `cmdline`, without its lines that begin with `#`, or of
 * the file `version`: one line, its white space folded.
 *
 * @returns undefined when there is none
 * @throws SystemLimitError
 */
export async function readNote(
  name: "cmdline" | "version",
  kind: DirectoryEntry["kind"] | undefined,
  scope: ImageScope,
): Promise<Result<string | undefined>> {
  if (kind === undefined) return ok(undefined);
  const { maxLength, maxFileLength } = MAX_LENGTHS[name];
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
  return await orReason(scope.fileSystem.readText(file.value.path));
}

function tooLong(maxLength: number): Result<never> {
  return refuse(`it is longer than ${maxLength} characters`);
}
