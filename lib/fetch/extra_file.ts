import type { FetchDisk } from "./fetch_disk.ts";
import { joinFiles } from "./join_files.ts";

/** A further file that appears together with the image's own. */
export type ExtraFile =
  & {
    /** The name in the image's directory. */
    readonly name: string;
  }
  & (
    | { readonly bytes: Uint8Array }
    /** These initrds of the image, by their paths, as `joinFiles()` does it. */
    | { readonly joined: readonly string[] }
  );

/**
 * Writes a file beside those of an image, which are there.
 *
 * @param directory the image's
 * @throws FileNotFoundError, FileAccessError, or the system's error (disk full)
 */
export async function writeExtra(
  extra: ExtraFile,
  directory: string,
  disk: FetchDisk,
): Promise<void> {
  const to = `${directory}/${extra.name}`;
  if ("bytes" in extra) {
    await disk.writeAtomically(to, extra.bytes, { mode: 0o644 });
  } else {
    const initrds = extra.joined.map((path) => `${directory}/${path}`);
    await joinFiles(initrds, to, disk);
  }
}
