import type { FileInfo, FileSystem, OpenFile } from "../../core/file_system.ts";
import { readContent } from "../../scan/digest.ts";
import type { HashedArtifact } from "../../scan/image_files.ts";

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
  readonly #idle: OpenFile[] = [];
  readonly #waiting: PromiseWithResolvers<OpenFile>[] = [];
  /** Times of change at which it is known to have the content it had. */
  readonly #trustedMs = new Set<number>();
  /** A digest of its content that is being made. */
  #digesting:
    | { readonly changedMs: number; readonly isRight: Promise<boolean> }
    | undefined;
  #handles = 0;
  #isDisposed = false;

  /** Opens nothing yet. */
  constructor(
    artifact: HashedArtifact,
    fileSystem: Pick<FileSystem, "open">,
  ) {
    this.#artifact = artifact;
    this.#fileSystem = fileSystem;
    this.trust(artifact.info.changedMs);
  }

  /** Takes note that it had its content at that time of change. */
  trust(changedMs: number): void {
    this.#trustedMs.add(changedMs);
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
      for (let done = 0; done < buffer.length;) {
        const rest = done === 0 ? buffer : buffer.subarray(done);
        const count = await handle.readAt(rest, offsetBytes + done);
        if (count === 0) throw new Error("the file has become shorter");
        done += count;
      }
    } finally {
      this.#putBack(handle);
    }
  }

  /**
   * Whether it still has the content that was hashed: true at once where that
   * is plain to see, which spares a range what waiting costs.
   *
   * @throws FileNotFoundError, FileAccessError when it cannot be opened
   */
  isUnchanged(): true | Promise<boolean> {
    try {
      const handle = this.#idle.at(-1);
      if (handle !== undefined && this.#isKnown(handle.info())) return true;
    } catch {
      // Comes out below as well.
    }
    return this.#checkContent();
  }

  /** Closes it; reads that are under way come to their end. */
  [Symbol.dispose](): void {
    this.#isDisposed = true;
    for (const handle of this.#idle.splice(0)) handle[Symbol.dispose]();
  }

  /**
   * Looks at the content where something about the file has changed that may
   * be harmless (it was renamed over, or has got another owner) or is not (it
   * was overwritten, and its time of modification put back).
   */
  async #hasSameContent(handle: OpenFile, info: FileInfo): Promise<boolean> {
    const { changedMs } = info;
    const { sha256 } = this.#artifact;
    if (this.#digesting?.changedMs !== changedMs) {
      const borrowed: OpenFile = { ...handle, [Symbol.dispose]() {} };
      const isRight = readContent(
        { ...this.#artifact, info },
        { open: () => Promise.resolve(borrowed) },
        { signal: new AbortController().signal },
      ).then((content) => content.sha256 === sha256, () => false);
      this.#digesting = { changedMs, isRight };
    }
    const isRight = await this.#digesting.isRight;
    if (isRight) this.trust(changedMs);
    return isRight;
  }

  #isKnown(info: FileInfo): boolean {
    return isSameFile(info, this.#artifact.info) &&
      this.#trustedMs.has(info.changedMs);
  }

  async #checkContent(): Promise<boolean> {
    const handle = this.#idle.pop() ?? await this.#anotherHandle();
    try {
      const info = handle.info();
      return this.#isKnown(info) ||
        (isSameFile(info, this.#artifact.info) &&
          await this.#hasSameContent(handle, info));
    } finally {
      this.#putBack(handle);
    }
  }

  #putBack(handle: OpenFile): void {
    const next = this.#waiting.shift();
    if (next !== undefined) next.resolve(handle);
    else if (this.#isDisposed) handle[Symbol.dispose]();
    else this.#idle.push(handle);
  }

  /**
   * Opens the file once more, or waits for a handle: by its path the file may
   * not be there any longer, while those who have it open can go on.
   */
  async #anotherHandle(): Promise<OpenFile> {
    if (this.#handles < MAX_HANDLES) {
      do {
        this.#handles++;
        const handle = await this.#tryToOpen() ?? this.#idle.pop();
        if (handle !== undefined) return handle;
        // Unless somebody has it there is nothing to wait for.
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
    const { path, info } = this.#artifact;
    try {
      const handle = await this.#fileSystem.open(path);
      // Who is the only one to have it open checks it as its work.
      const isSame = this.#handles === 1 ||
        isSameFile(handle.info(), info);
      if (isSame || this.#handles === 1) return handle;
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

/** Whether a file is the one that was hashed, and has its content still. */
function isSameFile(now: FileInfo, then: FileInfo): boolean {
  return now.inode === then.inode && now.device === then.device &&
    now.sizeBytes === then.sizeBytes && now.modifiedMs === then.modifiedMs;
}
