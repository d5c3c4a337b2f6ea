import { createHash } from "node:crypto";
import { FileNotFoundError } from "../core/file_system.ts";
import { sha256Of } from "./sha256_of.ts";
import type { ExtraFile } from "./extra_file.ts";
import type { FetchDisk } from "./fetch_disk.ts";
import { INITRD_ALIGNMENT_BYTES } from "./join_files.ts";

/** What an image's directory holds before it is fetched again. */
export class PresentFiles {
  readonly #directory: string;
  readonly #disk: FetchDisk;
  readonly #names: readonly string[];
  readonly #verified = new Set<string>();

  private constructor(
    directory: string,
    disk: FetchDisk,
    names: readonly string[],
  ) {
    this.#directory = directory;
    this.#disk = disk;
    this.#names = names;
  }

  /**
   * Looks which files there are; links are none.
   *
   * @throws FileAccessError, or the system's error
   */
  static async list(directory: string, disk: FetchDisk): Promise<PresentFiles> {
    return new PresentFiles(directory, disk, await filesBelow(directory, disk));
  }

  /**
   * Looks for a file of an image at its own paths, and verifies it.
   *
   * @returns where it is; undefined where it is not there, or not the same
   * @throws FileAccessError, the system's error, or the signal's reason
   */
  async find(
    { paths, sha256, sizeBytes }: {
      readonly paths: readonly string[];
      readonly sha256: string;
      readonly sizeBytes: number;
    },
    bounds: { readonly signal: AbortSignal },
  ): Promise<string | undefined> {
    let found: string | undefined;
    for (const name of paths) {
      if (!this.#names.includes(name)) continue;
      const path = `${this.#directory}/${name}`;
      const { sizeBytes: size } = await this.#disk.stat(path);
      if (size !== sizeBytes) continue;
      if (await sha256Of([path], this.#disk, bounds) !== sha256) continue;
      this.#verified.add(name);
      found = path;
    }
    return found;
  }

  /**
   * Whether these files are what the directory holds, all of them verified and
   * nothing else.
   */
  isExactly(names: readonly string[], extras: readonly ExtraFile[]): boolean {
    const wanted = new Set([...names, ...extras.map(({ name }) => name)]);
    return names.every((name) => this.#verified.has(name)) &&
      this.#names.every((name) => wanted.has(name));
  }

  /**
   * Which of the files beside those of an image are missing, or other than they
   * should be.
   *
   * @throws FileAccessError, the system's error, or the signal's reason
   */
  async staleExtras(
    extras: readonly ExtraFile[],
    bounds: { readonly signal: AbortSignal },
  ): Promise<ExtraFile[]> {
    const stale: ExtraFile[] = [];
    for (const extra of extras) {
      if (!await this.#isRight(extra, bounds)) stale.push(extra);
    }
    return stale;
  }

  async #isRight(
    extra: ExtraFile,
    bounds: { readonly signal: AbortSignal },
  ): Promise<boolean> {
    const at = (name: string) => `${this.#directory}/${name}`;
    if (!this.#names.includes(extra.name)) return false;
    const actual = await sha256Of([at(extra.name)], this.#disk, bounds);
    const expected = "bytes" in extra
      ? createHash("sha256").update(extra.bytes).digest("hex")
      : await sha256Of(extra.joined.map(at), this.#disk, {
        ...bounds,
        alignmentBytes: INITRD_ALIGNMENT_BYTES,
      });
    return actual === expected;
  }
}

/**
 * The regular files below a directory, by their paths from there; none where
 * there is no directory.
 *
 * @throws FileAccessError, or the system's error
 */
export async function filesBelow(
  directory: string,
  disk: Pick<FetchDisk, "list">,
): Promise<string[]> {
  const names: string[] = [];
  try {
    for (const { name, kind } of await disk.list(directory)) {
      if (kind === "file") names.push(name);
      if (kind !== "directory") continue;
      const below = await filesBelow(`${directory}/${name}`, disk);
      names.push(...below.map((path) => `${name}/${path}`));
    }
  } catch (error) {
    if (!(error instanceof FileNotFoundError)) throw error;
  }
  return names;
}
