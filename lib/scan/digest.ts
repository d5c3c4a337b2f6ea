import { createHash } from "node:crypto";
import {
  type FileInfo,
  FileNotFoundError,
  type FileSystem,
  type OpenFile,
} from "../core/file_system.ts";
import type {
  ArtifactFile,
  FileContent,
  FilesByRole,
  HashedArtifact,
  HashedImage,
  ImageFiles,
  MediaType,
} from "./image_files.ts";
import type { SampleTaker } from "./content_sample.ts";
import { PeSignature } from "./pe_signature.ts";
import { PieceDigests } from "./piece_digests.ts";
import { pieceList, PIECES_ABOVE_BYTES } from "./pieces.ts";

/** A file was written to, replaced or removed since it was scanned. */
export class FileChangedError extends Error {
  /** Tells the kinds apart. */
  override readonly name = "FileChangedError";
}

/**
 * Large enough to keep the disk busy, small enough to share the thread: one is
 * digested in 0.4 ms while the next is read beside, so that artifacts are read
 * as fast as they can be digested. A request is answered in some ten turns of
 * the event loop, with one chunk in each. So there is no worker for the whole.
 */
const CHUNK_BYTES = 1 << 19;

/** How a file is read. */
export interface ReadOptions {
  /** Called with how much was read since the last call. */
  readonly onRead?: (countBytes: number) => void;
  /** Is shown all bytes. */
  readonly sample?: SampleTaker | undefined;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/**
 * Reads a file once, digests it, a large one by its pieces as well, and sees
 * what it is.
 *
 * @throws FileChangedError when the file is not the one that was scanned, or
 * changed meanwhile
 */
export async function digestFile(
  artifact: ArtifactFile,
  fileSystem: Pick<FileSystem, "open">,
  options: ReadOptions,
): Promise<FileContent> {
  if (artifact.info.sizeBytes <= PIECES_ABOVE_BYTES) {
    return await readContent(artifact, fileSystem, options);
  }
  using pieces = new PieceDigests();
  const content = await readInto(pieces, artifact, fileSystem, options);
  return { ...content, pieces: pieceList(await pieces.finish()) };
}

/**
 * The same without the pieces.
 *
 * @throws FileChangedError when the file is not the one that was scanned, or
 * changed meanwhile
 */
export async function readContent(
  artifact: ArtifactFile,
  fileSystem: Pick<FileSystem, "open">,
  options: ReadOptions,
): Promise<FileContent> {
  const memory = new TwoChunks(artifact.info.sizeBytes);
  return await readInto(memory, artifact, fileSystem, options);
}

async function readInto(
  parts: FileParts,
  artifact: ArtifactFile,
  fileSystem: Pick<FileSystem, "open">,
  { onRead, sample, signal }: ReadOptions,
): Promise<FileContent> {
  const { path, info } = artifact;
  using file = await openScanned(path, fileSystem);
  const hash = createHash("sha256");
  const signature = new PeSignature();
  let part = await parts.next();
  let from = 0;
  let reading = file.readAt(chunkOf(part, from), 0);
  for (let offset = 0;;) {
    const count = await reading;
    signal.throwIfAborted();
    if (count === 0) break;
    offset += count;
    // What is appended is not read: it may have no end.
    if (offset > info.sizeBytes) break;
    const [readPart, begin, end] = [part, from, from + count];
    const isFull = end === part.length;
    if (isFull) part = await parts.next();
    from = isFull ? 0 : end;
    reading = file.readAt(chunkOf(part, from), offset);
    const bytes = readPart.subarray(begin, end);
    hash.update(bytes);
    signature.take(bytes);
    sample?.take(bytes, offset - count);
    if (isFull) parts.add(readPart);
    onRead?.(count);
  }
  if (fileIdentity(file.info()) !== fileIdentity(info)) {
    throw new FileChangedError(`"${path}" changed while it was read`);
  }
  if (from > 0) parts.add(part.subarray(0, from));
  return { sha256: hash.digest("hex"), mediaType: mediaTypeOf(signature) };
}

async function openScanned(
  path: string,
  fileSystem: Pick<FileSystem, "open">,
): Promise<OpenFile> {
  try {
    return await fileSystem.open(path);
  } catch (error) {
    if (!(error instanceof FileNotFoundError)) throw error;
    throw new FileChangedError(`"${path}" was removed before it was read`);
  }
}

/** Memory that a file is read into, one part after the other. */
interface FileParts {
  /** Memory for the next part, which ends where this does. */
  next(): Promise<Uint8Array<ArrayBuffer>>;
  /** Takes a part whose bytes are needed no more, the last one shorter. */
  add(part: Uint8Array<ArrayBuffer>): void;
}

/**
 * The same two chunks over and over. A read that fills the memory to its end
 * began in the second, so that the next may fill the first beside it.
 */
class TwoChunks implements FileParts {
  readonly #memory: Uint8Array<ArrayBuffer>;

  constructor(sizeBytes: number) {
    this.#memory = new Uint8Array(2 * Math.min(CHUNK_BYTES, sizeBytes + 1));
  }

  next(): Promise<Uint8Array<ArrayBuffer>> {
    return Promise.resolve(this.#memory);
  }

  add(): void {
    // Nothing else is made of it.
  }
}

/** What the next read fills. */
function chunkOf(
  part: Uint8Array<ArrayBuffer>,
  from: number,
): Uint8Array<ArrayBuffer> {
  return part.subarray(from, Math.min(from + CHUNK_BYTES, part.length));
}

/** What HTTP calls a file whose bytes have all passed by. */
function mediaTypeOf({ isThere }: PeSignature): MediaType {
  return isThere ? "application/efi" : "application/octet-stream";
}

/** Adds to every file of an image its content, one after the other. */
export async function hashImage(
  { kernel, initramfs, rootfs, dtbs, files, ...rest }: ImageFiles,
  contentOf: (file: ArtifactFile) => FileContent | Promise<FileContent>,
): Promise<HashedImage> {
  const hash = async (file: ArtifactFile): Promise<HashedArtifact> => ({
    ...file,
    ...await contentOf(file),
  });
  const hashAll = async (all: readonly ArtifactFile[]) => {
    const hashed: HashedArtifact[] = [];
    for (const file of all) hashed.push(await hash(file));
    return hashed;
  };
  return {
    ...rest,
    kernel: await hash(kernel),
    ...initramfs !== undefined && { initramfs: await hash(initramfs) },
    ...rootfs !== undefined && { rootfs: await hash(rootfs) },
    dtbs: await hashAll(dtbs),
    files: await hashAll(files),
  };
}

/** The files of an image in the order of their roles. */
export function artifactFiles<A>(
  { kernel, initramfs, rootfs, dtbs, files }: Omit<FilesByRole<A>, "initrds">,
): A[] {
  return [kernel, initramfs, rootfs, ...dtbs, ...files]
    .filter((file) => file !== undefined);
}

/** How large files are together. */
export function totalBytes(
  files: Iterable<Pick<ArtifactFile, "info">>,
): number {
  let sum = 0;
  for (const { info } of files) sum += info.sizeBytes;
  return sum;
}

/**
 * The same text as long as a file is neither replaced nor written to, with its
 * time of modification put back or not.
 */
export function fileIdentity(info: FileInfo): string {
  const { device, inode, sizeBytes, modifiedMs, changedMs } = info;
  return `${device}:${inode}:${sizeBytes}:${modifiedMs}:${changedMs}`;
}

/** Whether a file is still there, readable and as it was. */
export async function isUnchanged(
  { path, info }: ArtifactFile,
  fileSystem: FileSystem,
): Promise<boolean> {
  try {
    return fileIdentity(await fileSystem.stat(path)) === fileIdentity(info);
  } catch {
    // Whatever the trouble is, a client would have it too.
    return false;
  }
}
