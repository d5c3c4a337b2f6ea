import { createHash } from "node:crypto";
import type { Blob } from "./open_range.ts";

const DIGEST_BYTES = 32;

/** A file that is checked piece by piece. */
export interface PiecedBlob extends Blob {
  /** As in a manifest. */
  readonly pieces: {
    /** The size of each piece but the last. */
    readonly sizeBytes: number;
    /** SHA-256 of the list of the pieces' digests, 64 lower-case hex digits. */
    readonly sha256: string;
  };
}

/** Where a piece lies. */
export interface PieceExtent {
  /** The offset in the file. */
  readonly fromBytes: number;
  /** Only the last piece is shorter than the others. */
  readonly lengthBytes: number;
}

/** The digests of the pieces of a file, checked against what was signed. */
export class PieceList {
  readonly #blob: PiecedBlob;
  readonly #digests: Uint8Array;

  private constructor(blob: PiecedBlob, digests: Uint8Array) {
    this.#blob = blob;
    this.#digests = digests;
  }

  /** The list as a blob to fetch: its length is known beforehand. */
  static asBlob({ sizeBytes, pieces }: PiecedBlob): Blob {
    const count = Math.ceil(sizeBytes / pieces.sizeBytes);
    return {
      sha256: pieces.sha256,
      sizeBytes: count * DIGEST_BYTES,
      urls: [],
    };
  }

  /**
   * Takes a list that was received.
   *
   * @returns undefined when it is not what was signed
   */
  static check(blob: PiecedBlob, bytes: Uint8Array): PieceList | undefined {
    const { sha256, sizeBytes } = PieceList.asBlob(blob);
    const isRight = bytes.length === sizeBytes &&
      createHash("sha256").update(bytes).digest("hex") === sha256;
    return isRight ? new PieceList(blob, bytes) : undefined;
  }

  /** How many pieces there are. */
  get count(): number {
    return this.#digests.length / DIGEST_BYTES;
  }

  /** Where a piece lies. */
  extentOf(piece: number): PieceExtent {
    const { sizeBytes, pieces } = this.#blob;
    const fromBytes = piece * pieces.sizeBytes;
    const lengthBytes = Math.min(pieces.sizeBytes, sizeBytes - fromBytes);
    return { fromBytes, lengthBytes };
  }

  /** Whether this is the SHA-256 of a piece. */
  matches(piece: number, digest: Uint8Array): boolean {
    const from = piece * DIGEST_BYTES;
    return this.#digests.subarray(from, from + DIGEST_BYTES)
      .every((byte, i) => byte === digest[i]);
  }
}
