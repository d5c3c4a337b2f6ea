import { createHash } from "node:crypto";
import { dirname } from "node:path";
import { setAside } from "../core/damaged_file.ts";
import { UserError } from "../core/errors.ts";
import { FileNotFoundError, type FileSystem } from "../core/file_system.ts";
import type { Logger } from "../core/log.ts";
import { messageOf } from "../core/printable.ts";
import { ok, refuse, type Result } from "../core/result.ts";
import { refuseNewerState } from "../core/state_format.ts";
import {
  artifactFiles,
  fileIdentity,
  hashImage,
  type ReadOptions,
} from "./digest.ts";
import { timesTell } from "./file_times.ts";
import type {
  ArtifactFile,
  FileContent,
  HashedArtifact,
  HashedImage,
  ImageFiles,
} from "./image_files.ts";
import {
  type PieceList,
  pieceList,
  pieceListBytes,
  PIECES_ABOVE_BYTES,
} from "./pieces.ts";
import { digestWithSample } from "./sampled_digest.ts";
import { SampledFiles } from "./sampled_files.ts";

/** Where digests are kept across restarts. */
export interface DigestCacheOptions {
  /** The disk. */
  readonly fileSystem: FileSystem;
  /** The file; made, with its directory, when there is something to keep. */
  readonly path: string;
  /** Told when it cannot be read or written. */
  readonly logger: Logger;
}

/** Format 1 did not say what kind of file each is, and is of no use. */
const FORMAT = 3;
/** The format before, whose small files are of use. */
const WITHOUT_PIECES = 2;

/**
 * Remembers the digest of each file, and of what kind it is, for as long as the
 * file stays as it is, so that no file is read twice, not after a restart
 * either. Where the times of a file do not tell whether it stays, a sample of it
 * does, and it is read again after a restart.
 */
export class DigestCache {
  readonly #options: DigestCacheOptions;
  readonly #contentByIdentity: Map<string, FileContent>;
  readonly #sampled: SampledFiles;
  /** By device, which another file system may come to have between two looks. */
  readonly #kinds = new Map<number, number | undefined>();
  #isSaved = true;
  #saving = Promise.resolve();
  #problem: string | undefined;

  private constructor(
    options: DigestCacheOptions,
    contentByIdentity: Map<string, FileContent>,
  ) {
    this.#options = options;
    this.#contentByIdentity = contentByIdentity;
    this.#sampled = new SampledFiles(options.fileSystem);
  }

  /**
   * Reads what was kept. A damaged file is set aside with a warning: what it
   * held is read from the artifacts again.
   *
   * @throws UserError when a newer program has kept it
   */
  static async open(options: DigestCacheOptions): Promise<DigestCache> {
    return new DigestCache(options, await readDigests(options));
  }

  /** The image with its digests, unless one of its files was never read. */
  async find(files: ImageFiles): Promise<HashedImage | undefined> {
    const all = artifactFiles(files);
    if (!all.every((file) => this.#content(file) !== undefined)) {
      return undefined;
    }
    // Nothing is left to be read.
    return await this.hash(files, {
      onRead() {},
      signal: new AbortController().signal,
    });
  }

  /**
   * Reads the files of an image that have not been read before.
   *
   * @param onRead called with how much was read since the last call
   * @throws FileChangedError, or the disk's error
   */
  async hash(
    files: ImageFiles,
    { onRead, signal }: {
      readonly onRead: (countBytes: number) => void;
      readonly signal: AbortSignal;
    },
  ): Promise<HashedImage> {
    return await hashImage(files, async (file) => {
      const known = this.#content(file);
      if (known !== undefined) return known;
      const content = await this.#read(file, { onRead, signal });
      this.#contentByIdentity.set(fileIdentity(file.info), content);
      this.#isSaved = false;
      return content;
    });
  }

  async #read(file: ArtifactFile, options: ReadOptions): Promise<FileContent> {
    const kind = await this.#kindOf(file);
    const { fileSystem } = this.#options;
    const content = await digestWithSample(file, fileSystem, {
      ...options,
      kind,
    });
    if (content.sample !== undefined) this.#sampled.add(file, content.sample);
    return { ...content, reading: { isRefuted: false } };
  }

  async #kindOf({ path, info }: ArtifactFile): Promise<number | undefined> {
    const { device } = info;
    if (!this.#kinds.has(device)) {
      this.#kinds.set(device, await this.#options.fileSystem.kindOf(path));
    }
    return this.#kinds.get(device);
  }

  /**
   * Compares samples with what is on disk now; see SampledFiles.
   *
   * @returns whether files have changed, which `hash()` reads again
   */
  async refuteChanged(): Promise<boolean> {
    this.#kinds.clear();
    const changed = await this.#sampled.findChanged();
    for (const identity of changed) this.#refute(identity);
    return changed.length > 0;
  }

  /** Has a file read again that was seen to have another content. */
  refute({ info, reading }: HashedArtifact): void {
    if (reading !== undefined) reading.isRefuted = true;
    this.#refute(fileIdentity(info));
  }

  #refute(identity: string): void {
    const reading = this.#contentByIdentity.get(identity)?.reading;
    if (reading !== undefined) reading.isRefuted = true;
    this.#forget(identity);
  }

  #forget(identity: string): void {
    this.#sampled.delete(identity);
    this.#contentByIdentity.delete(identity);
    this.#isSaved = false;
  }

  /** How much of an image `hash()` would read. */
  unreadBytes(files: ImageFiles): number {
    return artifactFiles(files)
      .filter((file) => this.#content(file) === undefined)
      .reduce((sum, { info }) => sum + info.sizeBytes, 0);
  }

  /** Forgets the files of all other images. */
  keepOnly(images: readonly ImageFiles[]): void {
    const current = new Set(
      images.flatMap((image) => artifactFiles(image))
        .map(({ info }) => fileIdentity(info)),
    );
    for (const identity of this.#contentByIdentity.keys()) {
      if (current.has(identity)) continue;
      this.#forget(identity);
    }
  }

  /**
   * Writes what has changed since the last time. Trouble is said once: the
   * digests are still known, and written when the disk takes them again.
   */
  save(): Promise<void> {
    // One after the other, or an older state could be written last.
    this.#saving = this.#saving.then(() => this.#write());
    return this.#saving;
  }

  async #write(): Promise<void> {
    if (this.#isSaved) return;
    const { fileSystem, path, logger } = this.#options;
    this.#isSaved = true;
    try {
      await fileSystem.makeDirectory(dirname(path), 0o700);
      await fileSystem.writeAtomically(
        path,
        new TextEncoder().encode(encodeDigests(this.#contentByIdentity)),
        { mode: 0o644 },
      );
      this.#problem = undefined;
    } catch (error) {
      this.#isSaved = false;
      const problem = messageOf(error);
      if (problem !== this.#problem) {
        logger.warn(
          `${problem}; without it every artifact is read again after a restart`,
        );
      }
      this.#problem = problem;
    }
  }

  #content({ info }: ArtifactFile): FileContent | undefined {
    return this.#contentByIdentity.get(fileIdentity(info));
  }
}

async function readDigests(
  { fileSystem, path, logger }: DigestCacheOptions,
): Promise<Map<string, FileContent>> {
  try {
    const text = await fileSystem.readText(path);
    if (text === "") return new Map();
    const loss = "every artifact is read again";
    refuseNewerState(text, FORMAT, { path, loss });
    const digests = decodeDigests(text);
    if (digests.ok) return digests.value;
    const aside = await setAside(path, fileSystem);
    logger.warn(
      `Moved "${path}" to "${aside}", since ${digests.reason}: every artifact is read again`,
    );
  } catch (error) {
    if (error instanceof UserError) throw error;
    if (!(error instanceof FileNotFoundError)) {
      logger.warn(`${messageOf(error)}: every artifact is read again`);
    }
  }
  return new Map();
}

function encodeDigests(
  contentByIdentity: ReadonlyMap<string, FileContent>,
): string {
  const files = Object.fromEntries(
    [...contentByIdentity].filter(([, { sample }]) => sample === undefined)
      .map(([identity, { sha256, mediaType, pieces }]) => [
        identity,
        {
          sha256,
          mediaType,
          ...pieces !== undefined && { pieces: pieces.list.toBase64() },
        },
      ]),
  );
  // Of tens of thousands of files: once for the check and the file.
  const text = JSON.stringify(files);
  return `{"format":${FORMAT},"check":"${checkOf(text)}","files":${text}}`;
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
 * be relied on, and a wrong digest would be promised to clients.
 */
export function decodeDigests(
  text: string,
): Result<Map<string, FileContent>> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return refuse("it is not JSON");
  }
  const format = formatOf(json);
  if (format === 1) return ok(new Map());
  if (
    typeof json !== "object" || json === null ||
    (format !== FORMAT && format !== WITHOUT_PIECES) || !("files" in json) ||
    typeof json.files !== "object" || json.files === null ||
    !("check" in json)
  ) return refuse(`it is not a digest cache of format ${FORMAT}`);
  if (json.check !== checkOf(JSON.stringify(json.files))) {
    return refuse("its content does not fit its checksum");
  }
  const contents = new Map<string, FileContent>();
  for (const [identity, value] of Object.entries(json.files)) {
    if (!/^\d+(:-?\d+){4}$/.test(identity)) {
      return refuse("it holds something that is no file");
    }
    const [, , sizeBytes = 0, modifiedMs = 0, changedMs = 0] = identity
      .split(":").map(Number);
    if (!timesTell(undefined, { modifiedMs, changedMs })) continue;
    const isLarge = sizeBytes > PIECES_ABOVE_BYTES;
    if (isLarge && format === WITHOUT_PIECES) continue;
    const content = contentOf(value, isLarge ? sizeBytes : undefined);
    if (content === undefined) {
      return refuse("it holds something that is no digest");
    }
    contents.set(identity, { ...content, reading: { isRefuted: false } });
  }
  return ok(contents);
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
