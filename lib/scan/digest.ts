import { createHash } from "node:crypto";
import type { FileInfo, FileSystem } from "../core/file_system.ts";
import type {
  ArtifactFile,
  HashedArtifact,
  HashedImage,
  ImageFiles,
} from "./image_files.ts";

/** A file was written to or replaced while it was read. */
export class FileChangedError extends Error {
  /** Tells the kinds apart. */
  override readonly name = "FileChangedError";
}

/** Large enough to keep the disk busy, small enough to share the thread. */
const CHUNK_BYTES = 1 << 20;

/** Remembers digests for as long as the files stay as they are. */
export class DigestCache {
  readonly #sha256ByIdentity = new Map<string, string>();

  /**
   * Reads what has not been read before. Images that are gone are forgotten.
   *
   * @throws FileChangedError, or the disk's error, through `onFailure` for
   * one image; the others go on
   */
  async hashAll(
    images: readonly ImageFiles[],
    fileSystem: FileSystem,
    { signal, onFailure }: {
      readonly signal: AbortSignal;
      readonly onFailure: (image: ImageFiles, error: unknown) => void;
    },
  ): Promise<HashedImage[]> {
    const hashed: HashedImage[] = [];
    for (const image of images) {
      try {
        hashed.push(await this.#hashImage(image, fileSystem, signal));
      } catch (error) {
        signal.throwIfAborted();
        onFailure(image, error);
      }
    }
    const current = new Set(
      images.flatMap(artifactFiles).map(({ info }) => identityOf(info)),
    );
    for (const identity of this.#sha256ByIdentity.keys()) {
      if (!current.has(identity)) this.#sha256ByIdentity.delete(identity);
    }
    return hashed;
  }

  async #hashImage(
    files: ImageFiles,
    fileSystem: FileSystem,
    signal: AbortSignal,
  ): Promise<HashedImage> {
    const hash = (file: ArtifactFile) =>
      this.#hashFile(file, fileSystem, signal);
    const { kernel, initramfs, rootfs, dtbs, ...rest } = files;
    const hashedDtbs: HashedArtifact[] = [];
    for (const dtb of dtbs) hashedDtbs.push(await hash(dtb));
    return {
      ...rest,
      kernel: await hash(kernel),
      ...initramfs && { initramfs: await hash(initramfs) },
      ...rootfs && { rootfs: await hash(rootfs) },
      dtbs: hashedDtbs,
    };
  }

  async #hashFile(
    file: ArtifactFile,
    fileSystem: FileSystem,
    signal: AbortSignal,
  ): Promise<HashedArtifact> {
    const identity = identityOf(file.info);
    const sha256 = this.#sha256ByIdentity.get(identity) ??
      await sha256OfFile(file, fileSystem, { signal });
    this.#sha256ByIdentity.set(identity, sha256);
    return { ...file, sha256 };
  }
}

/**
 * Reads a file and digests it.
 *
 * @returns 64 lower-case hex digits
 * @throws FileChangedError when the file is not the one that was scanned, or
 * changed meanwhile
 */
export async function sha256OfFile(
  { path, info }: ArtifactFile,
  fileSystem: FileSystem,
  { signal }: { readonly signal: AbortSignal },
): Promise<string> {
  using file = await fileSystem.open(path);
  const hash = createHash("sha256");
  const buffer = new Uint8Array(CHUNK_BYTES);
  for (let offset = 0;;) {
    signal.throwIfAborted();
    const count = await file.readAt(buffer, offset);
    if (count === 0) break;
    hash.update(buffer.subarray(0, count));
    offset += count;
  }
  if (identityOf(await file.info()) !== identityOf(info)) {
    throw new FileChangedError(`"${path}" changed while it was read`);
  }
  return hash.digest("hex");
}

/** The files of an image in the order of their roles. */
export function artifactFiles<A extends ArtifactFile>(
  { kernel, initramfs, rootfs, dtbs }: ImageFiles<A>,
): A[] {
  return [kernel, initramfs, rootfs, ...dtbs].filter((f) => f !== undefined);
}

/** The same as long as a file is neither replaced nor written to. */
function identityOf(info: FileInfo): string {
  return [info.device, info.inode, info.sizeBytes, info.modifiedMs].join(":");
}
