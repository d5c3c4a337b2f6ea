import { dirname } from "node:path";
import { messageOf } from "../core/printable.ts";
import { readStateFile, type StateFile } from "../core/state_file.ts";
import {
  artifactFiles,
  fileIdentity,
  hashImage,
  type ReadOptions,
  totalBytes,
} from "./digest.ts";
import {
  decodeDigests,
  DIGEST_FORMAT,
  encodeChanges,
  encodeDigests,
  type KeptDigests,
} from "./digest_file.ts";
import type {
  ArtifactFile,
  FileContent,
  HashedArtifact,
  HashedImage,
  ImageFiles,
} from "./image_files.ts";
import { digestWithSample } from "./sampled_digest.ts";
import { SampledFiles } from "./sampled_files.ts";

/** Fewer files than this are written in some milliseconds. */
const MIN_FILES_TO_APPEND = 1000;
/** All is written again when so great a share has been appended. */
const MAX_APPENDED_SHARE = 0.25;

/**
 * Remembers the digest of each file, and the kind of file it is, as long as the
 * file does not change, so that no file is read twice, even across restarts.
 * Where the times of a file do not show whether it has changed, a sample of its
 * content does, and it is read again after a restart.
 */
export class DigestCache {
  readonly #options: StateFile;
  readonly #contentByIdentity: Map<string, FileContent>;
  readonly #sampled: SampledFiles;
  /**
   * By device number, which may pass to another file system between two looks.
   */
  readonly #kinds = new Map<number, number | undefined>();
  /** The identities of what is kept otherwise than it is known, or not. */
  readonly #unsaved = new Set<string>();
  /** How many files were appended; undefined: the file must be made anew. */
  #appendedCount: number | undefined;
  #saving = Promise.resolve();
  #problem: string | undefined;

  private constructor(
    options: StateFile,
    { contents, appendedCount }: KeptDigests,
  ) {
    this.#options = options;
    this.#contentByIdentity = contents;
    this.#appendedCount = appendedCount;
    this.#sampled = new SampledFiles(options.fileSystem);
  }

  /**
   * Reads what was kept. A damaged file is set aside with a warning: what it
   * held is read from the artifacts again.
   *
   * @throws UserError when a newer program has kept it
   */
  static async open(options: StateFile): Promise<DigestCache> {
    return new DigestCache(options, await readDigests(options));
  }

  /** The image with its digests, if all of its files have been read. */
  async find(files: ImageFiles): Promise<HashedImage | undefined> {
    const all = artifactFiles(files);
    if (!all.every((file) => this.#content(file) !== undefined)) {
      return undefined;
    }
    // Nothing is left to be read.
    return await this.hash(files, { signal: new AbortController().signal });
  }

  /**
   * Reads the files of an image that have not been read before.
   *
   * @throws FileChangedError, or the disk's error
   */
  async hash(
    files: ImageFiles,
    options: Omit<ReadOptions, "sample">,
  ): Promise<HashedImage> {
    return await hashImage(files, async (file) => {
      const known = this.#content(file);
      if (known !== undefined) return known;
      const content = await this.#read(file, options);
      const identity = fileIdentity(file.info);
      this.#contentByIdentity.set(identity, content);
      this.#unsaved.add(identity);
      return content;
    });
  }

  async #read(file: ArtifactFile, options: ReadOptions): Promise<FileContent> {
    const kind = await this.#kindOf(file);
    const { fileSystem } = this.#options;
    const content = await digestWithSample(file, fileSystem, {
      ...options,
      kind,
    });
    if (content.sample !== undefined) this.#sampled.add(file, content.sample);
    return { ...content, reading: { isRefuted: false } };
  }

  async #kindOf({ path, info }: ArtifactFile): Promise<number | undefined> {
    const { device } = info;
    if (!this.#kinds.has(device)) {
      this.#kinds.set(device, await this.#options.fileSystem.kindOf(path));
    }
    return this.#kinds.get(device);
  }

  /**
   * Compares samples with what is on disk now; see SampledFiles.
   *
   * @returns whether files have changed, which `hash()` reads again
   */
  async refuteChanged(): Promise<boolean> {
    this.#kinds.clear();
    const changed = await this.#sampled.findChanged();
    for (const identity of changed) this.#refute(identity);
    return changed.length > 0;
  }

  /** Has a file read again that was seen to have another content. */
  refute({ info, reading }: HashedArtifact): void {
    if (reading !== undefined) reading.isRefuted = true;
    this.#refute(fileIdentity(info));
  }

  #refute(identity: string): void {
    const reading = this.#contentByIdentity.get(identity)?.reading;
    if (reading !== undefined) reading.isRefuted = true;
    this.#forget(identity);
  }

  #forget(identity: string): void {
    this.#sampled.delete(identity);
    if (this.#contentByIdentity.delete(identity)) this.#unsaved.add(identity);
  }

  /** How much of an image `hash()` would read. */
  unreadBytes(files: ImageFiles): number {
    return totalBytes(
      artifactFiles(files).filter((file) => this.#content(file) === undefined),
    );
  }

  /**
   * Writes what has changed since the last time: among many files by appending
   * just that, with a full rewrite now and then. A failure is logged once: the
   * digests stay in memory, and are written when the disk accepts them again.
   *
   * @param images gives those whose files are still of use, when all is written
   */
  save(images: () => readonly ImageFiles[]): Promise<void> {
    // One after the other, or an older state could be written last.
    this.#saving = this.#saving.then(() => this.#write(images));
    return this.#saving;
  }

  async #write(images: () => readonly ImageFiles[]): Promise<void> {
    if (this.#unsaved.size === 0) return;
    const appended = this.#appendedWith(this.#unsaved.size);
    if (appended === undefined) this.#keepOnly(images());
    const changed = [...this.#unsaved];
    this.#unsaved.clear();
    this.#appendedCount = undefined;
    try {
      if (appended === undefined) await this.#writeAll();
      else await this.#append(changed);
      this.#appendedCount = appended ?? 0;
      this.#problem = undefined;
    } catch (error) {
      for (const identity of changed) this.#unsaved.add(identity);
      const problem = messageOf(error);
      if (problem !== this.#problem) {
        this.#options.logger.warn(
          `${problem}; without it every artifact is read again after a restart`,
        );
      }
      this.#problem = problem;
    }
  }

  /** How many there are with these, unless it is time to write all. */
  #appendedWith(count: number): number | undefined {
    if (this.#appendedCount === undefined) return undefined;
    const appended = this.#appendedCount + count;
    const { size } = this.#contentByIdentity;
    return size >= MIN_FILES_TO_APPEND && appended <= size * MAX_APPENDED_SHARE
      ? appended
      : undefined;
  }

  #keepOnly(images: readonly ImageFiles[]): void {
    const current = new Set(
      images.flatMap((image) => artifactFiles(image))
        .map(({ info }) => fileIdentity(info)),
    );
    for (const identity of this.#contentByIdentity.keys()) {
      if (!current.has(identity)) this.#forget(identity);
    }
  }

  async #writeAll(): Promise<void> {
    const { fileSystem, path } = this.#options;
    await fileSystem.makeDirectory(dirname(path), 0o700);
    await fileSystem.writeAtomically(
      path,
      new TextEncoder().encode(encodeDigests(this.#contentByIdentity)),
      { mode: 0o644 },
    );
  }

  async #append(identities: readonly string[]): Promise<void> {
    const changes = encodeChanges(
      identities.map((identity) =>
        [identity, this.#contentByIdentity.get(identity)] as const
      ),
    );
    await this.#options.fileSystem.append(
      this.#options.path,
      new TextEncoder().encode(changes),
    );
  }

  #content({ info }: ArtifactFile): FileContent | undefined {
    return this.#contentByIdentity.get(fileIdentity(info));
  }
}

async function readDigests(file: StateFile): Promise<KeptDigests> {
  const kept = await readStateFile(file, {
    format: DIGEST_FORMAT,
    loss: "every artifact is read again",
    decode: decodeDigests,
  });
  return kept ?? { contents: new Map(), appendedCount: undefined };
}
