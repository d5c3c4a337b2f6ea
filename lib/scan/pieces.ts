import { createHash } from "node:crypto";

/** The digests of the pieces of a large file, to verify it part by part. */
export interface PieceList {
  /** SHA-256 of each piece, 32 bytes, one after the other. */
  readonly list: Uint8Array<ArrayBuffer>;
  /** SHA-256 of the list, 64 lower-case hex digits. */
  readonly sha256: string;
}

/** The size of a piece; the last one of a file has the rest. */
export const PIECE_BYTES = 4 * 1024 * 1024;

/** Files larger than this have a list of pieces. */
export const PIECES_ABOVE_BYTES = 64 * 1024 * 1024;

/** How long the list of a file is, in bytes: a 131,072nd of the file. */
export function pieceListBytes(sizeBytes: number): number {
  return Math.ceil(sizeBytes / PIECE_BYTES) * 32;
}

/** A list with its own digest. */
export function pieceList(list: Uint8Array<ArrayBuffer>): PieceList {
  return { list, sha256: createHash("sha256").update(list).digest("hex") };
}
