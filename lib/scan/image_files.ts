import type { ChannelArch } from "../core/channel_arch.ts";
import type { FileInfo } from "../core/file_system.ts";
import type { ContentSample } from "./content_sample.ts";
import type { PieceList } from "./pieces.ts";

/** Digests that the owner of an image has listed. */
export interface Checksums {
  /** The file they are from, as the directory lists it. */
  readonly filename: string;
  /** Path relative to the image's directory, to 64 lower-case hex digits. */
  readonly sha256ByPath: ReadonlyMap<string, string>;
}

/** One file of an image, checked to be a regular file inside its root. */
export interface ArtifactFile {
  /**
   * Its path in the image's directory, such as `vmlinuz-6.12` or
   * `dtbs/rockchip/rk3588.dtb`.
   */
  readonly filename: string;
  /** Where to open it, every link resolved. */
  readonly path: string;
  /** As it was when it was scanned. */
  readonly info: FileInfo;
}

/** What is known of a file's bytes once they have been read. */
export interface FileContent {
  /** SHA-256, 64 lower-case hex digits. */
  readonly sha256: string;
  /** What HTTP calls it. */
  readonly mediaType: MediaType;
  /** For a large file: the digests of its pieces. */
  readonly pieces?: PieceList;
  /**
   * For a file whose times do not show whether it has changed; see timesTell().
   */
  readonly sample?: ContentSample;
  /** What has become of the reading that this was found by. */
  readonly reading?: ContentReading;
}

/** Is shared by all that hold what a file was found to be when it was read. */
export interface ContentReading {
  /** Whether the file turned out to have another content, under the same times. */
  isRefuted: boolean;
}

/**
 * Firmware that boots over HTTP starts nothing that is not `application/efi`
 * (UEFI 2.10, section 24.7), which is what begins as a PE image.
 */
export type MediaType = "application/efi" | "application/octet-stream";

/** An artifact whose bytes have been read. */
export interface HashedArtifact extends ArtifactFile, FileContent {}

/** Files by what they are for. Only the kernel is required. */
export interface FilesByRole<A> {
  /** What the machine boots. */
  readonly kernel: A;
  /** The first root file system: the main one, where there are several. */
  readonly initramfs?: A;
  /** The root file system proper. */
  readonly rootfs?: A;
  /** Device trees, sorted by path. */
  readonly dtbs: readonly A[];
  /** Every other file, sorted by path. */
  readonly files: readonly A[];
  /**
   * Paths of all initial RAM file systems in the order to load them in: the
   * main one, and others that are among `files`. Empty unless there are several.
   */
  readonly initrds: readonly string[];
}

/**
 * The files that make up one image.
 *
 * @typeParam A how much is known of each file
 */
export interface ImageFiles<A extends ArtifactFile = ArtifactFile>
  extends FilesByRole<A> {
  readonly image: ChannelArch;
  /** As it was found, for messages. */
  readonly directory: string;
  /** What the files must match, where their owner says so. */
  readonly checksums?: Checksums;
  /** Content of the file `cmdline`, trimmed: the kernel command line. */
  readonly cmdline?: string;
  /** Content of the file `version`, trimmed. */
  readonly version?: string;
  /** Where the signed manifest is that came with the files, if one did. */
  readonly manifestPath?: string;
  /** As that was when it was scanned. */
  readonly manifestInfo?: FileInfo;
}

/** An image ready to be promised to clients. */
export type HashedImage = ImageFiles<HashedArtifact>;
