import { createHash } from "node:crypto";
import { fillFrom } from "../core/fill_from.ts";
import type { OpenFile } from "../core/file_system.ts";

/** A few blocks of a file, by which a replacement is detected. */
export interface ContentSample {
  /** Where they begin, rising. */
  readonly offsetsBytes: readonly number[];
  /** SHA-256 of all of them, one after the other: 64 lower-case hex digits. */
  readonly sha256: string;
}

/** The unit in which disks and the page cache read. */
const BLOCK_BYTES = 4096;
/** Beside the first and the last one. */
const RANDOM_BLOCKS = 2;

/** Takes a sample of a file while it is read from its beginning to its end. */
export class SampleTaker {
  readonly #offsetsBytes: readonly number[];
  readonly #sizeBytes: number;
  readonly #blocks: Uint8Array<ArrayBuffer>[];

  /**
   * Chooses the blocks: the first, the last, and others that cannot be
   * predicted.
   *
   * @param sizeBytes of the file
   * @param random from 0 to less than 1
   */
  constructor(sizeBytes: number, random: () => number = Math.random) {
    this.#sizeBytes = sizeBytes;
    this.#offsetsBytes = chooseOffsets(sizeBytes, random);
    this.#blocks = this.#offsetsBytes.map((offsetBytes) =>
      new Uint8Array(blockBytes(offsetBytes, sizeBytes))
    );
  }

  /** Takes what it needs of some bytes of the file. */
  take(bytes: Uint8Array, fromBytes: number): void {
    for (const [i, offsetBytes] of this.#offsetsBytes.entries()) {
      const block = this.#blocks[i];
      if (block === undefined) continue;
      const begin = Math.max(offsetBytes, fromBytes);
      const end = Math.min(
        offsetBytes + block.length,
        fromBytes + bytes.length,
      );
      if (begin >= end) continue;
      const part = bytes.subarray(begin - fromBytes, end - fromBytes);
      block.set(part, begin - offsetBytes);
    }
  }

  /** The sample, once all bytes have passed by. */
  finish(): ContentSample {
    return {
      offsetsBytes: this.#offsetsBytes,
      sha256: digestOf(this.#blocks),
    };
  }
}

/**
 * Whether an open file has the blocks that were sampled.
 *
 * @param sizeBytes what the file had when the sample was taken
 * @throws the disk's error
 */
export async function hasSample(
  file: Pick<OpenFile, "readAt">,
  { offsetsBytes, sha256 }: ContentSample,
  sizeBytes: number,
): Promise<boolean> {
  const blocks: Uint8Array[] = [];
  for (const offsetBytes of offsetsBytes) {
    const block = new Uint8Array(blockBytes(offsetBytes, sizeBytes));
    const count = await fillFrom(file, block, offsetBytes);
    if (count < block.length) return false;
    blocks.push(block);
  }
  return digestOf(blocks) === sha256;
}

function chooseOffsets(sizeBytes: number, random: () => number): number[] {
  const count = Math.ceil(sizeBytes / BLOCK_BYTES);
  const chosen = new Set<number>();
  if (count > 0) chosen.add(0).add(count - 1);
  for (let i = 0; i < RANDOM_BLOCKS && chosen.size < count; i++) {
    // Two may be the same; there is no file for which that matters.
    chosen.add(1 + Math.floor(random() * (count - 2)));
  }
  return [...chosen].sort((a, b) => a - b).map((each) => each * BLOCK_BYTES);
}

function blockBytes(offsetBytes: number, sizeBytes: number): number {
  return Math.min(BLOCK_BYTES, sizeBytes - offsetBytes);
}

function digestOf(blocks: readonly Uint8Array[]): string {
  const hash = createHash("sha256");
  for (const block of blocks) hash.update(block);
  return hash.digest("hex");
}
