import type { FileSystem } from "../core/file_system.ts";
import { mapParallel } from "../core/map_parallel.ts";
import { type ContentSample, hasSample } from "./content_sample.ts";
import { fileIdentity } from "./digest.ts";
import type { ArtifactFile } from "./image_files.ts";

/** How many files are compared in one turn: some 20 ms where they are cached. */
const MAX_COMPARED = 64;

/** A file and what some of its blocks were. */
interface SampledFile extends ArtifactFile {
  readonly sample: ContentSample;
}

/**
 * Files whose times do not tell whether their content has changed, with a
 * sample of each: what lies in their place now is compared with that, in turns.
 */
export class SampledFiles {
  readonly #fileSystem: Pick<FileSystem, "open">;
  /** By identity, the least recently compared first. */
  readonly #files = new Map<string, SampledFile>();

  constructor(fileSystem: Pick<FileSystem, "open">) {
    this.#fileSystem = fileSystem;
  }

  /** Takes a file that has been read. */
  add({ filename, path, info }: ArtifactFile, sample: ContentSample): void {
    const file = { filename, path, info, sample };
    this.#files.set(fileIdentity(info), file);
  }

  /** Forgets a file. */
  delete(identity: string): void {
    this.#files.delete(identity);
  }

  /**
   * Compares at most 64 files, and the others the next times. Where one differs
   * another file system is mounted, so that all files of its device count as
   * changed.
   *
   * @returns the identities of those that have changed
   */
  async findChanged(): Promise<string[]> {
    const turn = [...this.#files].slice(0, MAX_COMPARED);
    for (const [identity, file] of turn) {
      this.#files.delete(identity);
      this.#files.set(identity, file);
    }
    const devices = new Set(
      (await mapParallel(
        turn,
        async ([identity, file]) =>
          await this.#differs(identity, file) ? [file.info.device] : [],
      )).flat(),
    );
    return [...this.#files]
      .filter(([, { info }]) => devices.has(info.device))
      .map(([identity]) => identity);
  }

  async #differs(
    identity: string,
    { path, info, sample }: SampledFile,
  ): Promise<boolean> {
    try {
      using file = await this.#fileSystem.open(path);
      // Anything else is seen by its identity.
      return fileIdentity(file.info()) === identity &&
        !await hasSample(file, sample, info.sizeBytes);
    } catch {
      // Gone, or not to be read: a scan says so.
      return false;
    }
  }
}
