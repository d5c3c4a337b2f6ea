import { fillFrom } from "../../core/fill_from.ts";
import type { FileInfo, FileSystem, OpenFile } from "../../core/file_system.ts";
import { hasSample } from "../../scan/content_sample.ts";
import { fileIdentity } from "../../scan/digest.ts";
import type { HashedArtifact } from "../../scan/image_files.ts";
import type { ContentChecks } from "./content_checks.ts";

/** Reads of one file at a time: enough to keep a disk busy. */
const MAX_HANDLES = 4;

/**
 * The file that was hashed. It is opened when it is first read, and stays the
 * same from then on: when another file gets its name, this one can be read to
 * its end.
 */
export class HashedFile implements Disposable {
  readonly #artifact: HashedArtifact;
  readonly #fileSystem: Pick<FileSystem, "open">;
  readonly #checks: ContentChecks;
  readonly #idle: OpenFile[] = [];
  readonly #waiting: PromiseWithResolvers<OpenFile>[] = [];
  /** Identities under which a file is known to have the content. */
  readonly #trusted = new Set<string>();
  /** The file that is open, as it was when it was opened first. */
  #opened: FileInfo | undefined;
  /** Whether a sample of it is right, where one is needed. */
  #isSampled: boolean;
  #handles = 0;
  #isDisposed = false;

  constructor(
    artifact: HashedArtifact,
    { fileSystem, checks }: {
      readonly fileSystem: Pick<FileSystem, "open">;
      readonly checks: ContentChecks;
    },
  ) {
    this.#artifact = artifact;
    this.#fileSystem = fileSystem;
    this.#checks = checks;
    this.#isSampled = artifact.sample === undefined;
    this.trust(artifact.info);
  }

  /** Records that a file, as it is now, has the content. */
  trust(info: FileInfo): void {
    this.#trusted.add(fileIdentity(info));
  }

  /**
   * Fills a buffer from a position on.
   *
   * @throws Error when the file has become shorter; FileNotFoundError,
   * FileAccessError when it cannot be opened
   */
  async read(buffer: Uint8Array, offsetBytes: number): Promise<void> {
    const handle = this.#idle.pop() ?? await this.#anotherHandle();
    try {
      const count = await fillFrom(handle, buffer, offsetBytes);
      if (count < buffer.length) throw new Error("the file has become shorter");
    } finally {
      this.#putBack(handle);
    }
  }

  /**
   * Whether it still has the content that was hashed: true at once where that
   * is plain, which saves a range the cost of waiting. If its times differ, or
   * it is another file of the same size, it is read again: what touched or
   * moved it may have changed its content as well.
   *
   * @throws FileNotFoundError, FileAccessError when it cannot be opened
   */
  isUnchanged(): true | Promise<boolean> {
    try {
      const handle = this.#idle.at(-1);
      if (
        handle !== undefined && this.#isSampled && this.#isTrusted(handle)
      ) return true;
    } catch {
      // Comes out below as well.
    }
    return this.#checkContent();
  }

  /** Closes it; reads under way are completed. */
  [Symbol.dispose](): void {
    this.#isDisposed = true;
    for (const handle of this.#idle.splice(0)) handle[Symbol.dispose]();
  }

  #isTrusted(handle: OpenFile): boolean {
    return this.#trusted.has(fileIdentity(handle.info()));
  }

  async #checkContent(): Promise<boolean> {
    const handle = this.#idle.pop() ?? await this.#anotherHandle();
    try {
      return this.#isTrusted(handle)
        ? await this.#hasSample(handle)
        : await this.#hasSameContent(handle);
    } finally {
      this.#putBack(handle);
    }
  }

  /** Checked once: an open file stays the same file. */
  async #hasSample(handle: OpenFile): Promise<boolean> {
    const { sample, info } = this.#artifact;
    this.#isSampled ||= sample === undefined ||
      await hasSample(handle, sample, info.sizeBytes);
    return this.#isSampled;
  }

  async #hasSameContent(handle: OpenFile): Promise<boolean> {
    const info = handle.info();
    if (info.sizeBytes !== this.#artifact.info.sizeBytes) return false;
    const isSame = await this.#checks
      .hasSameContent(this.#artifact, handle, info);
    if (isSame) {
      this.trust(info);
      this.#isSampled = true;
    }
    return isSame;
  }

  #putBack(handle: OpenFile): void {
    const next = this.#waiting.shift();
    if (next !== undefined) next.resolve(handle);
    else if (this.#isDisposed) handle[Symbol.dispose]();
    else this.#idle.push(handle);
  }

  /**
   * Opens the file once more, or waits for a free handle: the file may be gone
   * from its path, while open handles still work.
   */
  async #anotherHandle(): Promise<OpenFile> {
    if (this.#handles < MAX_HANDLES) {
      do {
        this.#handles++;
        const handle = await this.#tryToOpen() ?? this.#idle.pop();
        if (handle !== undefined) return handle;
        // Without an open handle there is nothing to wait for.
      } while (this.#handles === 0);
    }
    const waiting = Promise.withResolvers<OpenFile>();
    this.#waiting.push(waiting);
    return await waiting.promise;
  }

  /**
   * @returns undefined when there is another file by now, or none, and others
   * have this one open
   */
  async #tryToOpen(): Promise<OpenFile | undefined> {
    try {
      const handle = await this.#fileSystem.open(this.#artifact.path);
      const info = handle.info();
      this.#opened ??= info;
      const { inode, device } = this.#opened;
      if (info.inode === inode && info.device === device) return handle;
      handle[Symbol.dispose]();
    } catch (error) {
      if (this.#handles === 1) {
        this.#handles = 0;
        for (const { reject } of this.#waiting.splice(0)) reject(error);
        throw error;
      }
    }
    this.#handles--;
    return undefined;
  }
}
