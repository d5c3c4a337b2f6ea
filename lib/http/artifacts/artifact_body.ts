import type { LentBody } from "../../net/http1/handler.ts";
import type { LentBytes, OpenArtifact } from "./artifact_files.ts";
import type { Transfer } from "./transfers.ts";

/** Made once: an error notes where it was made, which takes time. */
const OVER = new Error("the download is over");

/** What a download needs. */
export interface ArtifactBodyParts {
  /** Where the first byte is. */
  readonly offsetBytes: number;
  /** How much is sent. */
  readonly lengthBytes: number;
  /** Paces and counts it. */
  readonly transfer: Transfer;
  /** Throws when what was read is not what was promised. */
  readonly verify: () => Promise<void>;
}

/**
 * A part of an artifact, read on demand. Closes the artifact when it ends,
 * fails or is cancelled. The last bytes are held back until `verify` has
 * passed: if it throws, so does `read`, the connection ends short of its
 * Content-Length, and the client knows that what it received is worthless.
 */
export class ArtifactBody implements LentBody {
  readonly #artifact: OpenArtifact;
  readonly #transfer: Transfer;
  readonly #verify: () => Promise<void>;
  readonly #endBytes: number;
  #positionBytes: number;
  /** What is being read, in order. */
  readonly #ahead: Promise<LentBytes>[] = [];
  #lent: LentBytes | undefined;
  /** The client is gone or given up, or has everything. */
  #isOver = false;
  /** Ends a wait; made when there is one. */
  #stopped: AbortController | undefined;

  constructor(
    artifact: OpenArtifact,
    { offsetBytes, lengthBytes, transfer, verify }: ArtifactBodyParts,
  ) {
    this.#artifact = artifact;
    this.#transfer = transfer;
    this.#verify = verify;
    this.#positionBytes = offsetBytes;
    this.#endBytes = offsetBytes + lengthBytes;
    transfer.onOver(() => this.cancel());
  }

  /** See LentBody. */
  get headroomBytes(): number {
    return this.#lent?.headroomBytes ?? 0;
  }

  /** See LentBody. */
  async read(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    this.#giveBack();
    if (this.#isOver) throw OVER;
    this.#transfer.waitForUs();
    try {
      if (this.#ahead.length === 0 && this.#hasMore) this.#load();
      const next = await this.#ahead.shift();
      if (next === undefined) {
        this.cancel();
        return undefined;
      }
      if (this.#isOver) next[Symbol.dispose]();
      if (this.#isOver) throw OVER;
      this.#lent = next;
      const depth = this.#transfer.readsAhead();
      while (this.#ahead.length < depth && this.#hasMore) this.#load();
      const released = this.#transfer.release(
        next.bytes.length,
        () => (this.#stopped ??= new AbortController()).signal,
      );
      if (released !== undefined) await released;
      return next.bytes;
    } catch (error) {
      if (!this.#isOver) this.#transfer.fail();
      this.cancel();
      throw error;
    }
  }

  /** See LentBody. */
  accepted(countBytes: number): void {
    this.#transfer.accepted(countBytes);
  }

  /** See LentBody. */
  cancel(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stopped?.abort(OVER);
    this.#giveBack();
    for (const coming of this.#ahead) {
      coming.then((unwanted) => unwanted[Symbol.dispose](), () => {
        // Nothing was read, and the error is of no interest any more.
      });
    }
    this.#artifact[Symbol.dispose]();
  }

  /** Whether some of it has not begun to be read. */
  get #hasMore(): boolean {
    return this.#positionBytes < this.#endBytes;
  }

  /** Begins to read what comes next. */
  #load(): void {
    const { lengthBytes, arrived } = this.#artifact.read({
      offsetBytes: this.#positionBytes,
      maxBytes: this.#transfer.chunkBytes(),
      blockBytes: this.#transfer.blockBytes(),
    });
    this.#positionBytes += lengthBytes;
    const coming = this.#positionBytes === this.#endBytes
      ? this.#verified(arrived)
      : arrived;
    coming.catch(() => {
      // Thrown again to the next reader, if there is one.
    });
    this.#ahead.push(coming);
  }

  /** The last bytes, once everything before them has been read as well. */
  async #verified(arriving: Promise<LentBytes>): Promise<LentBytes> {
    const before = [...this.#ahead];
    const last = await arriving;
    try {
      await Promise.all(before);
      await this.#verify();
      return last;
    } catch (error) {
      last[Symbol.dispose]();
      throw error;
    }
  }

  #giveBack(): void {
    this.#lent?.[Symbol.dispose]();
    this.#lent = undefined;
  }
}
