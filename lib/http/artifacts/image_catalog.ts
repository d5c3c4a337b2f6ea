import type { ChannelArch } from "../../core/channel_arch.ts";
import type { HashedArtifact } from "../../scan/image_files.ts";

/** An image as clients get it: a signed manifest and the files it names. */
export interface ServedImage {
  readonly image: ChannelArch;
  /** The manifest's `version`. */
  readonly version: string;
  /** The manifest's `cmdline`, for boot scripts. */
  readonly cmdline?: string;
  /** The signed manifest, sent unchanged. */
  readonly manifest: {
    readonly bytes: Uint8Array<ArrayBuffer>;
    /** SHA-256 of the bytes, 64 hex digits: the strong ETag. */
    readonly sha256: string;
    /** Until when clients take it, milliseconds since 1970. */
    readonly expiresAtMs: number;
    /** The ids of the keys that signed it. */
    readonly signedBy: readonly string[];
  };
  /**
   * By role: `kernel`, `initramfs`, `rootfs`, and every other file by its path,
   * with `./` in front where that equals the name of a role.
   */
  readonly artifacts: ReadonlyMap<string, HashedArtifact>;
  /**
   * File names of all initial RAM file systems in the order to load them in,
   * where there are several.
   */
  readonly initrds?: readonly string[];
}

/** A file, and an image that it is part of, or was lately. */
export interface ServedBlob {
  /** What it is part of. */
  readonly served: ServedImage;
  readonly artifact: HashedArtifact;
}

/** What is served at the moment. */
export interface ImageCatalog {
  /** In the order clients see; the same list until it changes. */
  images(): readonly ServedImage[];
  /** The image, unless it is not served. */
  find(image: ChannelArch): ServedImage | undefined;
  /**
   * A file by the SHA-256 of its content, 64 lower-case hex digits: of any
   * image, or of what was served in its place a short while ago.
   */
  findBlob(sha256: string): ServedBlob | undefined;
  /** The same by the SHA-256 of the list of its pieces. */
  findBlobOfPieces(sha256: string): ServedBlob | undefined;
}
