import { createHash } from "node:crypto";
import { ok, refuse, type Result } from "../core/result.ts";
import { timesTell } from "./file_times.ts";
import type { FileContent } from "./image_files.ts";
import {
  type PieceList,
  pieceList,
  pieceListBytes,
  PIECES_ABOVE_BYTES,
} from "./pieces.ts";

/**
 * The form of the file: one line of JSON with all that was known, then a line
 * for each time that something was appended. Format 3 had the first alone;
 * format 1 did not say what kind of file each is, and is of no use.
 */
export const DIGEST_FORMAT = 4;
/** The format before lists of pieces, whose small files are of use. */
const WITHOUT_PIECES = 2;
const READABLE: ReadonlySet<number> = new Set([WITHOUT_PIECES, 3, 4]);

/** The content of a file of digests. */
export interface KeptDigests {
  /** By the identity of each file. */
  readonly contents: Map<string, FileContent>;
  /**
   * How many files were appended since all was written; undefined: nothing
   * must be appended to what is there.
   */
  readonly appendedCount: number | undefined;
}

/**
 * Writes digests as the file has them at first.
 *
 * @param contents by the identity of the file
 */
export function encodeDigests(
  contents: ReadonlyMap<string, FileContent>,
): string {
  // With tens of thousands of files this text is made once, for the checksum
  // and the file.
  const text = filesText(
    [...contents].filter(([, { sample }]) => sample === undefined),
  );
  return `{"format":${DIGEST_FORMAT},"check":"${
    checkOf(text)
  }","files":${text}}`;
}

/**
 * Writes changes as they are appended to the file.
 *
 * @param changes by the identity of the file; undefined: no more known
 */
export function encodeChanges(
  changes: Iterable<readonly [string, FileContent | undefined]>,
): string {
  const text = filesText(changes);
  return `\n{"check":"${checkOf(text)}","files":${text}}`;
}

function filesText(
  contents: Iterable<readonly [string, FileContent | undefined]>,
): string {
  return JSON.stringify(Object.fromEntries(
    [...contents].map(([identity, content]) => [
      identity,
      // Where times do not tell, there is nothing that could be believed.
      content === undefined || content.sample !== undefined
        ? null
        : entryOf(content),
    ]),
  ));
}

function entryOf({ sha256, mediaType, pieces }: FileContent) {
  return {
    sha256,
    mediaType,
    ...pieces !== undefined && { pieces: pieces.list.toBase64() },
  };
}

/**
 * Tells a digest that a bad disk has changed from a good one.
 *
 * @param files as JSON
 */
function checkOf(files: string): string {
  return createHash("sha256").update(files).digest("hex");
}

/** What its member `format` says. */
function formatOf(json: unknown): number | undefined {
  return typeof json === "object" && json !== null && "format" in json &&
      typeof json.format === "number"
    ? json.format
    : undefined;
}

/**
 * Reads what was kept; what an older program left out is read from the
 * artifacts again. All or nothing: where one entry is damaged the others cannot
 * be relied on, and a wrong digest would be promised to clients. The last line
 * alone may be cut short: the program was killed while it was appended.
 */
export function decodeDigests(text: string): Result<KeptDigests> {
  const [first = "", ...lines] = text.split("\n");
  const contents = new Map<string, FileContent>();
  const isOfThisFormat = readFirst(first, contents);
  if (!isOfThisFormat.ok) return isOfThisFormat;
  let appendedCount = 0;
  for (const [index, line] of lines.entries()) {
    const json = parse(line);
    const files = checkedFiles(json);
    if (!files.ok && index === lines.length - 1) {
      return ok({ contents, appendedCount: undefined });
    }
    if (!files.ok) return files;
    const read = readFiles(files.value, contents, DIGEST_FORMAT);
    if (!read.ok) return read;
    appendedCount += Object.keys(files.value).length;
  }
  return ok({
    contents,
    appendedCount: isOfThisFormat.value ? appendedCount : undefined,
  });
}

/** @returns whether it is of the format that is written now */
function readFirst(
  line: string,
  contents: Map<string, FileContent>,
): Result<boolean> {
  const json = parse(line);
  if (json === undefined) return refuse("it is not JSON");
  const format = formatOf(json);
  if (format === 1) return ok(false);
  if (format === undefined || !READABLE.has(format)) {
    return refuse(`it is not a digest cache of format ${DIGEST_FORMAT}`);
  }
  const files = checkedFiles(json);
  if (!files.ok) return files;
  const read = readFiles(files.value, contents, format);
  return read.ok ? ok(format === DIGEST_FORMAT) : read;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The member `files`, if `check` fits it. */
function checkedFiles(json: unknown): Result<object> {
  if (
    typeof json !== "object" || json === null ||
    !("files" in json) || typeof json.files !== "object" ||
    json.files === null || !("check" in json)
  ) return refuse(`it is not a digest cache of format ${DIGEST_FORMAT}`);
  return json.check === checkOf(JSON.stringify(json.files))
    ? ok(json.files)
    : refuse("its content does not match its checksum");
}

/** @param contents takes what the files say, over what is there */
function readFiles(
  files: object,
  contents: Map<string, FileContent>,
  format: number,
): Result<void> {
  for (const [identity, value] of Object.entries(files)) {
    if (!/^\d+(:-?\d+){4}$/.test(identity)) {
      return refuse("it holds an entry that is not a file");
    }
    if (value === null) {
      contents.delete(identity);
      continue;
    }
    const [, , sizeBytes = 0, modifiedMs = 0, changedMs = 0] = identity
      .split(":").map(Number);
    if (!timesTell(undefined, { modifiedMs, changedMs })) continue;
    const isLarge = sizeBytes > PIECES_ABOVE_BYTES;
    if (isLarge && format === WITHOUT_PIECES) continue;
    const content = contentOf(value, isLarge ? sizeBytes : undefined);
    if (content === undefined) {
      return refuse("it holds an entry that is not a digest");
    }
    contents.set(identity, { ...content, reading: { isRefuted: false } });
  }
  return ok(undefined);
}

/** @param largeBytes of a file that must have pieces */
function contentOf(
  value: unknown,
  largeBytes: number | undefined,
): FileContent | undefined {
  if (
    typeof value !== "object" || value === null ||
    !("sha256" in value) || !("mediaType" in value)
  ) return undefined;
  const { sha256, mediaType } = value;
  if (
    typeof sha256 !== "string" || !/^[0-9a-f]{64}$/.test(sha256) ||
    (mediaType !== "application/efi" &&
      mediaType !== "application/octet-stream")
  ) return undefined;
  if (largeBytes === undefined) return { sha256, mediaType };
  const pieces = "pieces" in value
    ? piecesOf(value.pieces, largeBytes)
    : undefined;
  return pieces && { sha256, mediaType, pieces };
}

/** A list of the length that the file has, from its Base64. */
function piecesOf(base64: unknown, sizeBytes: number): PieceList | undefined {
  if (typeof base64 !== "string") return undefined;
  try {
    const list = Uint8Array.fromBase64(base64);
    return list.length === pieceListBytes(sizeBytes)
      ? pieceList(list)
      : undefined;
  } catch {
    return undefined;
  }
}
