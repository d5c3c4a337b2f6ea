import { type Clock, inTime } from "../../core/clock.ts";
import type { FileSystem } from "../../core/file_system.ts";
import type { HashedArtifact } from "../../scan/image_files.ts";
import { BlockMemory } from "./block_memory.ts";
import { ContentChecks } from "./content_checks.ts";
import { HashedFile } from "./hashed_file.ts";
import { IdleFiles } from "./idle_files.ts";

/** Some bytes of a file, on loan: others may be sending the same ones. */
export interface LentBytes extends Disposable {
  /**
   * Read-only; not to be used after disposal, which gives its memory to others.
   */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** How many bytes in front of them, in their buffer, are free for use. */
  readonly headroomBytes: number;
}

/** What to read. */
export interface ReadWish {
  /** Where to begin. */
  readonly offsetBytes: number;
  /** How much is useful now. */
  readonly maxBytes: number;
  /** How much to read from the disk, if it must be read: a power of two. */
  readonly blockBytes: number;
}

/** Bytes that are on their way from the disk. */
export interface ComingBytes {
  /** At least one, at most as many as are useful. */
  readonly lengthBytes: number;
  /** Rejects when they cannot be read, or the file has become shorter. */
  readonly arrived: Promise<LentBytes>;
}

/** A part of a file that is being sent to one client, from front to back. */
export interface OpenArtifact extends Disposable {
  /** Begins to read; what is in memory already is not read again. */
  read(wish: ReadWish): ComingBytes;
  /** Whether it is still the file that was hashed; see HashedFile. */
  isUnchanged(): true | Promise<boolean>;
}

/** The unit of what is kept: the smallest read. */
export const MIN_BLOCK_BYTES = 64 * 1024;
/** The largest read: more does not make it faster (tests/bench/http_part.ts). */
export const MAX_BLOCK_BYTES = 2 * 1024 * 1024;
/**
 * How much is kept for clients that reach the same place a little later. A rack
 * that boots reads the same files all at once: the first client waits for the
 * disk, and the others catch up with it.
 */
const KEPT_BYTES = 16 * 1024 * 1024;
/** How long a client waits while a file is held against its hash. */
const PATIENCE_MS = 2000;
/** Space for a response head in front of a block that is not shared. */
const HEADROOM_BYTES = 1024;

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
  /** How many send it, or wait for it. */
  users: number;
}

/** How far a client has got. */
interface Reader {
  positionBytes: number;
  readonly endBytes: number;
}

/** One file with the content that was hashed; another content is another one. */
interface SharedFile {
  readonly key: string;
  readonly sizeBytes: number;
  readonly content: HashedFile;
  /** By number, in units of MIN_BLOCK_BYTES. */
  readonly blocks: Map<number, Block>;
  /** The downloads that have it open. */
  readonly readers: Set<Reader>;
  /** How many have asked for it since it was opened. */
  askedCount: number;
  /** When the last reader left, monotonic. */
  leftMs: number;
  /** While there is a timer that looks whether it can be dropped. */
  cancelDrop: (() => void) | undefined;
}

/** Reads artifacts once for all clients that want the same part of them. */
export class ArtifactFiles {
  readonly #fileSystem: Pick<FileSystem, "open">;
  readonly #clock: Clock;
  readonly #keepOpenMs: number;
  readonly #checks = new ContentChecks();
  readonly #files = new Map<string, SharedFile>();
  /** Files without a reader at the moment. */
  readonly #idle = new IdleFiles<SharedFile>();
  /** The same, found quicker. */
  readonly #byArtifact = new WeakMap<HashedArtifact, SharedFile>();
  /** Unused blocks, oldest first, each with its file. */
  readonly #kept = new Map<Block, SharedFile>();
  readonly #memory = new BlockMemory({ maxBytes: KEPT_BYTES });

  /**
   * Starts with no file open.
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
   * @returns undefined when there is another content by now, or to find that
   * out takes longer than two seconds
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
    file.readers.add(reader);
    this.#idle.delete(file);
    file.askedCount++;
    const open: OpenArtifact = {
      read: (wish) => this.#read(file, reader, wish),
      isUnchanged: () =>
        artifact.reading?.isRefuted === true
          ? Promise.resolve(false)
          : file.content.isUnchanged(),
      [Symbol.dispose]: () => this.#leave(file, reader),
    };
    let isUnchanged: boolean | undefined = false;
    try {
      isUnchanged = await this.#isSeenUnchanged(open);
    } finally {
      if (isUnchanged === false) this.#forget(file);
      if (!isUnchanged) this.#leave(file, reader);
    }
    return isUnchanged ? open : undefined;
  }

  /** @returns undefined when that is not known in time */
  async #isSeenUnchanged(open: OpenArtifact): Promise<boolean | undefined> {
    const verdict = open.isUnchanged();
    return verdict === true ||
      await inTime(this.#clock, PATIENCE_MS, verdict);
  }

  /** Closes files that are open without a reader. */
  closeIdle(): void {
    for (const file of [...this.#files.values()]) {
      if (file.readers.size === 0) this.#drop(file);
    }
  }

  #share(artifact: HashedArtifact): SharedFile {
    const known = this.#byArtifact.get(artifact);
    if (known !== undefined && this.#isKnown(known)) return known;
    const { path, sha256, info } = artifact;
    const { sizeBytes } = info;
    const key = [path, sha256, sizeBytes].join("\0");
    let file = this.#files.get(key);
    if (file === undefined) {
      file = {
        key,
        sizeBytes,
        content: new HashedFile(artifact, {
          fileSystem: this.#fileSystem,
          checks: this.#checks,
        }),
        blocks: new Map(),
        readers: new Set(),
        askedCount: 0,
        leftMs: -Infinity,
        cancelDrop: undefined,
      };
      this.#files.set(key, file);
    }
    file.content.trust(info);
    this.#byArtifact.set(artifact, file);
    return file;
  }

  #leave(file: SharedFile, reader: Reader): void {
    if (!file.readers.delete(reader) || file.readers.size > 0) return;
    if (this.#keepOpenMs === 0 || !this.#isKnown(file)) return this.#drop(file);
    file.leftMs = this.#clock.monotonic();
    const excess = this.#idle.add(file);
    if (excess !== undefined) this.#drop(excess);
    // One timer for many ranges: to set one takes as long as to read a head.
    if (file.cancelDrop === undefined && this.#isKnown(file)) {
      this.#dropLater(file, this.#keepOpenMs);
    }
  }

  #dropLater(file: SharedFile, delayMs: number): void {
    file.cancelDrop = this.#clock.setTimer(() => {
      file.cancelDrop = undefined;
      if (file.readers.size > 0) return;
      const restMs = file.leftMs + this.#keepOpenMs - this.#clock.monotonic();
      if (restMs > 0) this.#dropLater(file, restMs);
      else this.#drop(file);
    }, delayMs);
  }

  #isKnown(file: SharedFile): boolean {
    return this.#files.get(file.key) === file;
  }

  /** The next download opens the path anew. */
  #forget(file: SharedFile): void {
    if (this.#isKnown(file)) this.#files.delete(file.key);
  }

  #drop(file: SharedFile): void {
    this.#forget(file);
    this.#idle.delete(file);
    file.cancelDrop?.();
    file.content[Symbol.dispose]();
    for (const block of new Set(file.blocks.values())) {
      if (this.#kept.delete(block)) this.#memory.giveBack(block.buffer);
    }
    file.blocks.clear();
    if (this.#files.size === 0) this.#memory.freeSpare();
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

  /** Reads a block that is not in memory. */
  #load(
    file: SharedFile,
    reader: Reader,
    { offsetBytes, maxBytes, blockBytes }: ReadWish,
  ): Block {
    const buffer = this.#allocate(
      HEADROOM_BYTES + blockBytes + MIN_BLOCK_BYTES,
    );
    if (isAlone(file, reader)) {
      const lengthBytes = Math.min(
        reader.endBytes - offsetBytes,
        maxBytes,
        blockBytes,
      );
      const part = { startBytes: offsetBytes, lengthBytes };
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
      file.sizeBytes,
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
    const data = buffer.subarray(HEADROOM_BYTES, HEADROOM_BYTES + lengthBytes);
    const loaded = file.content.read(data, startBytes);
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
    this.#memory.giveBack(block.buffer);
  }

  #allocate(sizeBytes: number): Uint8Array<ArrayBuffer> {
    while (true) {
      const buffer = this.#memory.take(sizeBytes);
      if (buffer !== undefined) return buffer;
      const [oldest] = this.#kept;
      if (oldest === undefined) return this.#memory.takeAnyway(sizeBytes);
      const [block, file] = oldest;
      this.#kept.delete(block);
      forgetBlock(file, block);
      this.#memory.giveBack(block.buffer);
    }
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

/** Whether some reader is before a block, and will get to it. */
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
