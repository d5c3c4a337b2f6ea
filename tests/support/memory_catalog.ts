import { type ChannelArch, sameImage } from "../../lib/core/channel_arch.ts";
import type { FileSystem } from "../../lib/core/file_system.ts";
import type {
  ImageCatalog,
  ServedBlob,
  ServedImage,
} from "../../lib/http/artifacts/image_catalog.ts";
import { readContent } from "../../lib/scan/digest.ts";
import type { HashedArtifact } from "../../lib/scan/image_files.ts";

/** Of the key that images here are said to be signed by. */
export const SIGNER_ID = `ed25519:${"0".repeat(64)}`;

/** A catalog that a test fills by hand. */
export class MemoryCatalog implements ImageCatalog {
  #images: readonly ServedImage[];

  constructor(images: readonly ServedImage[] = []) {
    this.#images = images;
  }

  /** Replaces what is served, as a scan does. */
  set(images: readonly ServedImage[]): void {
    this.#images = images;
  }

  images(): readonly ServedImage[] {
    return this.#images;
  }

  find(image: ChannelArch): ServedImage | undefined {
    return this.#images.find((served) => sameImage(served.image, image));
  }

  findBlob(sha256: string): ServedBlob | undefined {
    for (const served of this.#images) {
      for (const artifact of served.artifacts.values()) {
        if (artifact.sha256 === sha256) return { served, artifact };
      }
    }
    return undefined;
  }

  findBlobOfPieces(sha256: string): ServedBlob | undefined {
    for (const served of this.#images) {
      for (const artifact of served.artifacts.values()) {
        if (artifact.pieces?.sha256 === sha256) return { served, artifact };
      }
    }
    return undefined;
  }
}

/**
 * An image of files that are on a disk, hashed, with a manifest that says no
 * more than its name.
 *
 * @param files by role: the path of each
 */
export async function servedImage(
  fileSystem: FileSystem,
  image: ChannelArch,
  files: Readonly<Record<string, string>>,
  {
    version = "2026.11.22",
    cmdline,
    expiresAtMs = Date.parse("2100-01-01T00:00:00Z"),
  }: {
    version?: string;
    cmdline?: string;
    expiresAtMs?: number;
  } = {},
): Promise<ServedImage> {
  const artifacts = new Map<string, HashedArtifact>();
  for (const [role, path] of Object.entries(files)) {
    artifacts.set(role, await hashedArtifact(fileSystem, path));
  }
  const bytes = new TextEncoder().encode(
    JSON.stringify({
      ...image,
      version,
      cmdline,
      note: "stands for a manifest",
    }),
  );
  return {
    image,
    version,
    ...cmdline !== undefined && { cmdline },
    manifest: {
      bytes,
      sha256: await sha256Hex(bytes),
      expiresAtMs,
      signedBy: [SIGNER_ID],
    },
    artifacts,
  };
}

/** A file as a scan would describe it now. */
export async function hashedArtifact(
  fileSystem: FileSystem,
  path: string,
): Promise<HashedArtifact> {
  const file = {
    filename: path.slice(path.lastIndexOf("/") + 1),
    path,
    info: await fileSystem.stat(path),
  };
  const { signal } = new AbortController();
  return { ...file, ...await readContent(file, fileSystem, { signal }) };
}

/** 64 lower-case hex digits. */
export async function sha256Hex(
  bytes: Uint8Array<ArrayBuffer>,
): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}
