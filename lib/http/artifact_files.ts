import type { Clock } from "../core/clock.ts";
import type { FileInfo, FileSystem, OpenFile } from "../core/file_system.ts";
import { sha256OfFile } from "../scan/digest.ts";
import type { HashedArtifact } from "../scan/image_files.ts";

/** Some bytes of a file, on loan: others may be sending the same ones. */
export interface LentBytes extends Disposable {
  /**
   * Not to be changed; and once they were given back, by disposing, not to be
   * looked at: their memory is used again.
   */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** How many bytes in front of them, in their buffer, are free for use. */
  readonly headroomBytes: number;
}

/** What to read. */
export interface ReadWish {
  /** Where to begin. */
  readonly offsetBytes: number;
  /** How much is of use now. */
  readonly maxBytes: number;
  /** How much to read from the disk, if it must be read: a power of two. */
  readonly blockBytes: number;
}

/** Bytes that are on their way from the disk. */
export interface ComingBytes {
  /** At least one, at most as many as are of use. */
  readonly lengthBytes: number;
  /** Rejects when they cannot be read, or the file has become shorter. */
  readonly arrived: Promise<LentBytes>;
}

/** A part of a file that is being sent to one client, from front to back. */
export interface OpenArtifact extends Disposable {
  /** Begins to read; what is in memory already is not read again. */
  read(wish: ReadWish): ComingBytes;
  /** Whether it is still the file that was hashed. */
  isUnchanged(): Promise<boolean>;
}

/** The unit of what is kept: the smallest read. */
export const MIN_BLOCK_BYTES = 64 * 1024;
/** The largest read: more does not make it faster (tests/bench/http_bench.ts). */
export const MAX_BLOCK_BYTES = 2 * 1024 * 1024;
/**
 * What is kept of files for clients that come to the same place a little
 * later. A rack that boots reads the same files all at once: the first client
 * waits for the disk, and the others catch up with it.
 */
const KEPT_BYTES = 16 * 1024 * 1024;
/** In front of what nobody else sends, for a response head. */
const HEADROOM_BYTES = 1024;
/** Reads of one file at a time: enough to keep a disk busy. */
const MAX_HANDLES = 4;

/** A stretch of a file in memory. */
interface Block {
  readonly startBytes: number;
  readonly lengthBytes: number;
  /** Begins with HEADROOM_BYTES. */
  readonly buffer: Uint8Array<ArrayBuffer>;
  /** Whether others may join. */
  readonly isShared: boolean;
  /** Rejects when it cannot be read. */
  readonly loaded: Promise<void>;
  /** Who sends it, or waits for it. */
  users: number;
}

/** How far a client has got. */
interface Reader {
  positionBytes: number;
  readonly endBytes: number;
}

/** One file, as it was when it was hashed; another content is another one. */
interface SharedFile {
  readonly key: string;
  readonly artifact: HashedArtifact;
  readonly idle: OpenFile[];
  readonly waiting: PromiseWithResolvers<OpenFile>[];
  /** By number, counted in units of MIN_BLOCK_BYTES. */
  readonly blocks: Map<number, Block>;
  /** Who has it open. */
  readonly readers: Set<Reader>;
  /** Times of change at which it is known to have the content it had. */
  readonly trustedMs: Set<number>;
  /** A digest of its content that is being made. */
  digesting:
    | { readonly changedMs: number; isRight: Promise<boolean> }
    | undefined;
  handles: number;
  isDropped: boolean;
  cancelDrop(): void;
}

/** Reads artifacts once for all clients that want the same part of them. */
export class ArtifactFiles {
  readonly #fileSystem: Pick<FileSystem, "open">;
  readonly #clock: Clock;
  readonly #keepOpenMs: number;
  readonly #files = new Map<string, SharedFile>();
  /** Blocks that nobody uses, oldest first, and where each belongs. */
  readonly #kept = new Map<Block, SharedFile>();
  /** Memory to be used again, by size. */
  readonly #free = new Map<number, Uint8Array<ArrayBuffer>[]>();
  #allocatedBytes = 0;

  /**
   * Opens nothing yet.
   *
   * @param keepOpenMs how long a file stays open when nobody reads it any
   * more, for clients that ask for one range after the other
   */
  constructor({ fileSystem, clock, keepOpenMs }: {
    readonly fileSystem: Pick<FileSystem, "open">;
    readonly clock: Clock;
    readonly keepOpenMs: number;
  }) {
    this.#fileSystem = fileSystem;
    this.#clock = clock;
    this.#keepOpenMs = keepOpenMs;
  }

  /**
   * Opens a part of the file that was hashed.
   *
   * @returns undefined when there is another file by now
   * @throws FileNotFoundError, FileAccessError
   */
  async open(
    artifact: HashedArtifact,
    { offsetBytes, endBytes }: {
      readonly offsetBytes: number;
      readonly endBytes: number;
    },
  ): Promise<OpenArtifact | undefined> {
    const file = this.#share(artifact);
    const reader: Reader = { positionBytes: offsetBytes, endBytes };
    file.cancelDrop();
    file.readers.add(reader);
    let isUnchanged = false;
    try {
      isUnchanged = await this.#isUnchanged(file);
    } finally {
      if (!isUnchanged) {
        this.#forget(file);
        this.#leave(file, reader);
      }
    }
    return isUnchanged
      ? {
        read: (wish) => this.#read(file, reader, wish),
        isUnchanged: () => this.#isUnchanged(file),
        [Symbol.dispose]: () => this.#leave(file, reader),
      }
      : undefined;
  }

  /** Closes what is open although nobody reads it. */
  closeIdle(): void {
    for (const file of [...this.#files.values()]) {
      if (file.readers.size > 0) continue;
      file.cancelDrop();
      this.#drop(file);
    }
  }

  #share(artifact: HashedArtifact): SharedFile {
    const { path, sha256, info } = artifact;
    const { device, inode, sizeBytes, modifiedMs, changedMs } = info;
    const key = [path, sha256, device, inode, sizeBytes, modifiedMs].join("\0");
    let file = this.#files.get(key);
    if (file === undefined) {
      file = {
        key,
        artifact,
        idle: [],
        waiting: [],
        blocks: new Map(),
        readers: new Set(),
        trustedMs: new Set(),
        digesting: undefined,
        handles: 0,
        isDropped: false,
        cancelDrop() {},
      };
      this.#files.set(key, file);
    }
    file.trustedMs.add(changedMs);
    return file;
  }

  #leave(file: SharedFile, reader: Reader): void {
    if (!file.readers.delete(reader) || file.readers.size > 0) return;
    const isKnown = this.#files.get(file.key) === file;
    if (this.#keepOpenMs === 0 || !isKnown) return this.#drop(file);
    file.cancelDrop = this.#clock.setTimer(
      () => this.#drop(file),
      this.#keepOpenMs,
    );
  }

  /** Whoever comes from now on opens the path anew. */
  #forget(file: SharedFile): void {
    if (this.#files.get(file.key) === file) this.#files.delete(file.key);
  }

  #drop(file: SharedFile): void {
    this.#forget(file);
    file.isDropped = true;
    for (const handle of file.idle.splice(0)) handle[Symbol.dispose]();
    for (const block of new Set(file.blocks.values())) {
      if (this.#kept.delete(block)) this.#recycle(block);
    }
    file.blocks.clear();
    if (this.#files.size === 0) {
      for (const buffers of this.#free.values()) {
        for (const buffer of buffers.splice(0)) this.#release(buffer);
      }
    }
  }

  #isUnchanged(file: SharedFile): Promise<boolean> {
    return this.#withHandle(file, async (handle) => {
      const info = await handle.info();
      return isSameFile(info, file.artifact.info) &&
        (file.trustedMs.has(info.changedMs) ||
          await this.#hasSameContent(file, handle, info));
    });
  }

  /**
   * Looks at the content where something about the file has changed that may
   * be harmless (it was renamed over, or has got another owner) or is not (it
   * was overwritten, and its time of modification put back).
   */
  async #hasSameContent(
    file: SharedFile,
    handle: OpenFile,
    info: FileInfo,
  ): Promise<boolean> {
    const { changedMs } = info;
    if (file.digesting?.changedMs !== changedMs) {
      const borrowed: OpenFile = { ...handle, [Symbol.dispose]() {} };
      const isRight = sha256OfFile(
        { ...file.artifact, info },
        { open: () => Promise.resolve(borrowed) },
        { signal: new AbortController().signal },
      ).then((sha256) => sha256 === file.artifact.sha256, () => false);
      file.digesting = { changedMs, isRight };
    }
    const isRight = await file.digesting.isRight;
    if (isRight) file.trustedMs.add(changedMs);
    return isRight;
  }

  async #withHandle<T>(
    file: SharedFile,
    work: (handle: OpenFile) => Promise<T>,
  ): Promise<T> {
    const handle = file.idle.pop() ?? await this.#anotherHandle(file);
    try {
      return await work(handle);
    } finally {
      const next = file.waiting.shift();
      if (next !== undefined) next.resolve(handle);
      else if (file.isDropped) handle[Symbol.dispose]();
      else file.idle.push(handle);
    }
  }

  /**
   * Opens the file once more, or waits for a handle: by its path the file may
   * not be there any longer, while those who have it open can go on.
   */
  async #anotherHandle(file: SharedFile): Promise<OpenFile> {
    if (file.handles < MAX_HANDLES) {
      do {
        file.handles++;
        const handle = await this.#tryToOpen(file) ?? file.idle.pop();
        if (handle !== undefined) return handle;
        // Unless somebody has it there is nothing to wait for.
      } while (file.handles === 0);
    }
    const waiting = Promise.withResolvers<OpenFile>();
    file.waiting.push(waiting);
    return await waiting.promise;
  }

  /**
   * @returns undefined when there is another file by now, or none, and others
   * have this one open
   */
  async #tryToOpen(file: SharedFile): Promise<OpenFile | undefined> {
    const { path, info } = file.artifact;
    try {
      const handle = await this.#fileSystem.open(path);
      // Who is the only one to have it open checks it as its work.
      const isSame = file.handles === 1 ||
        isSameFile(await handle.info(), info);
      if (isSame || file.handles === 1) return handle;
      handle[Symbol.dispose]();
    } catch (error) {
      if (file.handles === 1) {
        file.handles = 0;
        for (const { reject } of file.waiting.splice(0)) reject(error);
        throw error;
      }
    }
    file.handles--;
    return undefined;
  }

  #read(file: SharedFile, reader: Reader, wish: ReadWish): ComingBytes {
    const { offsetBytes, maxBytes } = wish;
    const block = file.blocks.get(blockNumber(offsetBytes)) ??
      this.#load(file, reader, wish);
    block.users++;
    this.#kept.delete(block);
    const { startBytes, lengthBytes, buffer, isShared, loaded } = block;
    const skipped = offsetBytes - startBytes;
    const count = Math.min(
      lengthBytes - skipped,
      maxBytes,
      reader.endBytes - offsetBytes,
    );
    const from = HEADROOM_BYTES + skipped;
    const bytes = buffer.subarray(from, from + count);
    const headroomBytes = isShared ? 0 : from;
    reader.positionBytes = offsetBytes + bytes.length;
    let isLent = true;
    const giveBack = () => {
      if (isLent) this.#giveBack(file, block);
      isLent = false;
    };
    return {
      lengthBytes: bytes.length,
      arrived: loaded.then(
        () => ({ bytes, headroomBytes, [Symbol.dispose]: giveBack }),
        (error) => {
          giveBack();
          throw error;
        },
      ),
    };
  }

  /** Reads a block that nobody has. */
  #load(
    file: SharedFile,
    reader: Reader,
    { offsetBytes, blockBytes }: ReadWish,
  ): Block {
    const buffer = this.#allocate(
      HEADROOM_BYTES + blockBytes + MIN_BLOCK_BYTES,
    );
    const restBytes = reader.endBytes - offsetBytes;
    if (restBytes <= blockBytes && isAlone(file, reader)) {
      const part = { startBytes: offsetBytes, lengthBytes: restBytes };
      return this.#fill(file, { ...part, buffer, isShared: false });
    }
    const first = blockNumber(offsetBytes);
    const end = blockNumber(reader.endBytes - 1) + 1;
    // A rest of one unit comes along: few ranges begin where a unit does.
    const wanted = Math.min(end - first, blockBytes / MIN_BLOCK_BYTES + 1);
    const count = end - first > wanted ? wanted - 1 : wanted;
    let next = first + 1;
    while (next < first + count && !file.blocks.has(next)) next++;
    const startBytes = first * MIN_BLOCK_BYTES;
    const endBytes = Math.min(
      next * MIN_BLOCK_BYTES,
      file.artifact.info.sizeBytes,
    );
    const lengthBytes = endBytes - startBytes;
    const part = { startBytes, lengthBytes };
    const block = this.#fill(file, { ...part, buffer, isShared: true });
    block.loaded.catch(() => forgetBlock(file, block));
    for (let number = first; number < next; number++) {
      file.blocks.set(number, block);
    }
    return block;
  }

  #fill(
    file: SharedFile,
    block: Omit<Block, "loaded" | "users">,
  ): Block {
    const { startBytes, lengthBytes, buffer } = block;
    const loaded = this.#withHandle(file, async (handle) => {
      const data = buffer.subarray(HEADROOM_BYTES);
      for (let done = 0; done < lengthBytes;) {
        const part = data.subarray(done, lengthBytes);
        const count = await handle.readAt(part, startBytes + done);
        if (count === 0) throw new Error("the file has become shorter");
        done += count;
      }
    });
    return { ...block, loaded, users: 0 };
  }

  #giveBack(file: SharedFile, block: Block): void {
    block.users--;
    if (block.users > 0) return;
    const isKnown = file.blocks.get(blockNumber(block.startBytes)) === block;
    if (isKnown && isAwaited(file, block)) {
      this.#kept.set(block, file);
      return;
    }
    forgetBlock(file, block);
    this.#recycle(block);
  }

  #recycle({ buffer }: Block): void {
    if (this.#allocatedBytes > KEPT_BYTES) this.#release(buffer);
    else {
      const buffers = this.#free.get(buffer.length);
      if (buffers === undefined) this.#free.set(buffer.length, [buffer]);
      else buffers.push(buffer);
    }
  }

  #allocate(size: number): Uint8Array<ArrayBuffer> {
    while (true) {
      const free = this.#free.get(size)?.pop();
      if (free !== undefined) return free;
      const [oldest] = this.#kept;
      if (this.#allocatedBytes + size <= KEPT_BYTES || oldest === undefined) {
        this.#allocatedBytes += size;
        return new Uint8Array(size);
      }
      const [block, file] = oldest;
      this.#kept.delete(block);
      forgetBlock(file, block);
      if (block.buffer.length === size) return block.buffer;
      this.#release(block.buffer);
    }
  }

  /** Frees memory at once, and not when the garbage collector comes round. */
  #release(buffer: Uint8Array<ArrayBuffer>): void {
    this.#allocatedBytes -= buffer.length;
    buffer.buffer.transfer(0);
  }
}

function blockNumber(offsetBytes: number): number {
  return Math.floor(offsetBytes / MIN_BLOCK_BYTES);
}

/** Whether no other client is still coming to what one is about to read. */
function isAlone({ readers }: SharedFile, self: Reader): boolean {
  for (const other of readers) {
    if (
      other !== self && other.positionBytes < self.endBytes &&
      self.positionBytes < other.endBytes
    ) return false;
  }
  return true;
}

/** Whether a client will come to a block: it is behind, and goes that far. */
function isAwaited({ readers }: SharedFile, block: Block): boolean {
  for (const { positionBytes, endBytes } of readers) {
    if (positionBytes <= block.startBytes && block.startBytes < endBytes) {
      return true;
    }
  }
  return false;
}

function forgetBlock({ blocks }: SharedFile, block: Block): void {
  let number = blockNumber(block.startBytes);
  while (blocks.get(number) === block) blocks.delete(number++);
}

/** Whether a file is the one that was hashed, and has its content still. */
function isSameFile(now: FileInfo, then: FileInfo): boolean {
  return now.inode === then.inode && now.device === then.device &&
    now.sizeBytes === then.sizeBytes && now.modifiedMs === then.modifiedMs;
}
