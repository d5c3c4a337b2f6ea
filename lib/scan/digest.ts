import { createHash } from "node:crypto";
import type { FileInfo, FileSystem } from "../core/file_system.ts";
import type {
  ArtifactFile,
  FileContent,
  HashedArtifact,
  HashedImage,
  ImageFiles,
} from "./image_files.ts";
import { PeSignature } from "./pe_signature.ts";

/** A file was written to or replaced while it was read. */
export class FileChangedError extends Error {
  /** Tells the kinds apart. */
  override readonly name = "FileChangedError";
}

/**
 * Large enough to keep the disk busy, small enough to share the thread: one is
 * digested in 0.4 ms while the next is read beside, so that artifacts are read
 * as fast as they can be digested. A request is answered in some ten turns of
 * the event loop, with one chunk in each. So there is no worker.
 */
const CHUNK_BYTES = 1 << 19;

/**
 * Reads a file, digests it and sees what it is.
 *
 * @param onRead called with how much was read since the last call
 * @throws FileChangedError when the file is not the one that was scanned, or
 * changed meanwhile
 */
export async function readContent(
  { path, info }: ArtifactFile,
  fileSystem: Pick<FileSystem, "open">,
  { onRead, signal }: {
    readonly onRead?: (countBytes: number) => void;
    readonly signal: AbortSignal;
  },
): Promise<FileContent> {
  using file = await fileSystem.open(path);
  const hash = createHash("sha256");
  const signature = new PeSignature();
  const chunkBytes = Math.min(CHUNK_BYTES, info.sizeBytes + 1);
  let buffer = new Uint8Array(chunkBytes);
  let ahead = new Uint8Array(chunkBytes);
  let reading = file.readAt(buffer, 0);
  for (let offset = 0;;) {
    const count = await reading;
    signal.throwIfAborted();
    if (count === 0) break;
    offset += count;
    // What is appended is not read: it may have no end.
    if (offset > info.sizeBytes) break;
    reading = file.readAt(ahead, offset);
    const bytes = buffer.subarray(0, count);
    hash.update(bytes);
    signature.take(bytes);
    [buffer, ahead] = [ahead, buffer];
    onRead?.(count);
  }
  if (fileIdentity(file.info()) !== fileIdentity(info)) {
    throw new FileChangedError(`"${path}" changed while it was read`);
  }
  return {
    sha256: hash.digest("hex"),
    mediaType: signature.isThere
      ? "application/efi"
      : "application/octet-stream",
  };
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
export function artifactFiles<A extends ArtifactFile>(
  { kernel, initramfs, rootfs, dtbs, files }: Pick<
    ImageFiles<A>,
    "kernel" | "initramfs" | "rootfs" | "dtbs" | "files"
  >,
): A[] {
  return [kernel, initramfs, rootfs, ...dtbs, ...files]
    .filter((file) => file !== undefined);
}

/**
 * The same text as long as a file is neither replaced nor written to, with its
 * time of modification put back or not.
 */
export function fileIdentity(info: FileInfo): string {
  const { device, inode, sizeBytes, modifiedMs, changedMs } = info;
  return [device, inode, sizeBytes, modifiedMs, changedMs].join(":");
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
