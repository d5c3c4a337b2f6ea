import type { FileSystem } from "../core/file_system.ts";
import type { FetchDisk } from "../fetch/fetch_disk.ts";

/** The disk of a mirror, which has each release in a directory of its own. */
export interface MirrorDisk extends FetchDisk, Pick<FileSystem, "realPath"> {
  /** Makes a symbolic link; the path must be free. */
  symlink(target: string, path: string): Promise<void>;
  /** Copies a file, with new timestamps; the original is unchanged. */
  copyFile(from: string, to: string): Promise<void>;
}
