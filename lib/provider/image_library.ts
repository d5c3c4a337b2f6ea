import { dirname, join } from "node:path";
import {
  type ChannelArch,
  formatChannelArch,
  sameImage,
} from "../core/channel_arch.ts";
import type { Clock } from "../core/clock.ts";
import { FileNotFoundError, type FileSystem } from "../core/file_system.ts";
import type { Logger } from "../core/log.ts";
import { messageOf } from "../core/printable.ts";
import type { ImageCatalog, ServedImage } from "../http/image_catalog.ts";
import { issueManifest } from "../manifest/issue_manifest.ts";
import type { SigningKey } from "../manifest/signing_key.ts";
import { DigestCache } from "../scan/digest.ts";
import type { HashedArtifact, HashedImage } from "../scan/image_files.ts";
import {
  type MissingImage,
  scanAvailable,
  type ScanSettings,
} from "../scan/scan_available.ts";

/** What a library is made from, and with what. */
export interface ImageLibraryOptions {
  /** Where to look. */
  readonly scan: ScanSettings;
  /** Keeps the manifests across restarts. */
  readonly stateDir: string;
  /** Sign every manifest. */
  readonly signers: readonly SigningKey[];
  /** How long a manifest is valid. */
  readonly expiresDays: number;
  /** The disk. */
  readonly fileSystem: FileSystem;
  /** The time. */
  readonly clock: Clock;
  /** Hears what was passed over, once each. */
  readonly logger: Logger;
}

/** The images on disk, each hashed, under a signed manifest. */
export class ImageLibrary implements ImageCatalog {
  readonly #options: ImageLibraryOptions;
  readonly #digests = new DigestCache();
  readonly #warned = new Set<string>();
  #images: readonly ServedImage[] = [];
  #missing: readonly MissingImage[] = [];

  /** Empty until the first `refresh()`. */
  constructor(options: ImageLibraryOptions) {
    this.#options = options;
  }

  /** In the order of the settings, then sorted. */
  images(): readonly ServedImage[] {
    return this.#images;
  }

  /** The image, unless it is not served. */
  find(image: ChannelArch): ServedImage | undefined {
    return this.#images.find((served) => sameImage(served.image, image));
  }

  /** What was expected at the last refresh and is not there. */
  get missing(): readonly MissingImage[] {
    return this.#missing;
  }

  /**
   * Looks at the disk again: reads what is new or changed, signs what has new
   * content or is half-way to its expiry, and forgets what is gone.
   *
   * @throws UserError when the artifacts directory itself cannot be read
   */
  async refresh({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    const { scan, fileSystem } = this.#options;
    const warnings: string[] = [];
    const result = await scanAvailable(scan, fileSystem, { signal });
    warnings.push(...result.warnings);
    const hashed = await this.#digests.hashAll(result.available, fileSystem, {
      signal,
      onFailure: ({ image }, error) =>
        warnings.push(
          `Cannot offer ${formatChannelArch(image)}: ${messageOf(error)}`,
        ),
    });
    const images: ServedImage[] = [];
    for (const image of hashed) {
      try {
        images.push(await this.#serve(image));
      } catch (error) {
        warnings.push(
          `Cannot offer ${formatChannelArch(image.image)}: ${messageOf(error)}`,
        );
      }
    }
    signal.throwIfAborted();
    this.#images = images;
    this.#missing = result.missing;
    this.#warnOnce(warnings);
  }

  async #serve(hashed: HashedImage): Promise<ServedImage> {
    const { signers, expiresDays, fileSystem, clock, stateDir } = this.#options;
    const path = join(
      stateDir,
      "manifests",
      hashed.image.channel,
      `${hashed.image.arch}.json`,
    );
    const previous = this.find(hashed.image)?.manifest.bytes ??
      await readIfPresent(path, fileSystem);
    const { manifest, bytes, sha256 } = await issueManifest({
      image: hashed,
      ...previous && { previous },
      signers,
      now: clock.now(),
      expiresDays,
    });
    if (bytes !== previous) {
      await fileSystem.makeDirectory(dirname(path), 0o755);
      await fileSystem.writeAtomically(path, bytes, { mode: 0o644 });
    }
    return {
      image: hashed.image,
      version: manifest.version,
      manifest: { bytes, sha256 },
      artifacts: artifactsByRole(hashed),
    };
  }

  /** Says each thing once, and again only after it had gone away. */
  #warnOnce(warnings: readonly string[]): void {
    for (const warning of warnings) {
      if (!this.#warned.has(warning)) this.#options.logger.warn(warning);
    }
    this.#warned.clear();
    for (const warning of warnings) this.#warned.add(warning);
  }
}

function artifactsByRole(
  { kernel, initramfs, rootfs, dtbs }: HashedImage,
): Map<string, HashedArtifact> {
  const byRole = new Map([["kernel", kernel]]);
  if (initramfs) byRole.set("initramfs", initramfs);
  if (rootfs) byRole.set("rootfs", rootfs);
  for (const dtb of dtbs) byRole.set(dtb.filename, dtb);
  return byRole;
}

async function readIfPresent(
  path: string,
  fileSystem: FileSystem,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    return new TextEncoder().encode(await fileSystem.readText(path));
  } catch (error) {
    if (error instanceof FileNotFoundError) return undefined;
    throw error;
  }
}
