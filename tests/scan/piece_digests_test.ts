import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { digestFile, FileChangedError } from "../../lib/scan/digest.ts";
import {
  PIECE_BYTES,
  pieceListBytes,
  PIECES_ABOVE_BYTES,
} from "../../lib/scan/pieces.ts";
import { MemoryFileSystem } from "../support/memory_file_system.ts";

const { signal } = new AbortController();
const PATH = "/srv/rootfs.img";

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function content(sizeBytes: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(sizeBytes);
  for (let i = 0; i < sizeBytes; i += 1021) bytes[i] = i % 251;
  return bytes;
}

/** A disk that gives a few bytes less than asked for, where it can. */
class ShortReads extends MemoryFileSystem {
  override async open(path: string) {
    const file = await super.open(path);
    return {
      ...file,
      readAt: (buffer: Uint8Array, offset: number) =>
        file.readAt(buffer.subarray(0, Math.max(1, buffer.length - 7)), offset),
    };
  }
}

for (
  const [sizeBytes, pieceCount] of [
    [PIECES_ABOVE_BYTES, 0],
    [PIECES_ABOVE_BYTES + 1, 17],
    [PIECES_ABOVE_BYTES + PIECE_BYTES, 17],
    [PIECES_ABOVE_BYTES + PIECE_BYTES + 5, 18],
  ] as const
) {
  for (const Disk of [MemoryFileSystem, ShortReads]) {
    Deno.test(`digestFile() of ${sizeBytes} bytes makes ${pieceCount} pieces on a ${Disk.name}`, async () => {
      const bytes = content(sizeBytes);
      const fs = new Disk().file(PATH, bytes);
      const info = await fs.stat(PATH);
      let readBytes = 0;
      const digest = await digestFile(
        { filename: "rootfs.img", path: PATH, info },
        fs,
        { onRead: (count) => readBytes += count, signal },
      );
      assert.equal(digest.sha256, sha256(bytes));
      assert.equal(readBytes, sizeBytes);
      assert.equal(fs.readBytes, sizeBytes);
      if (pieceCount === 0) return assert.equal(digest.pieces, undefined);
      const expected = Array.from(
        { length: pieceCount },
        (_, i) =>
          sha256(bytes.subarray(i * PIECE_BYTES, (i + 1) * PIECE_BYTES)),
      ).join("");
      assert.equal(digest.pieces?.list.toHex(), expected);
      assert.equal(digest.pieces?.list.length, pieceListBytes(sizeBytes));
      assert.equal(
        digest.pieces?.sha256,
        sha256(Uint8Array.fromHex(expected)),
      );
    });
  }
}

Deno.test("digestFile() refuses a large file that changes while it is read, or ends early", async () => {
  const fs = new MemoryFileSystem().file(PATH, content(PIECES_ABOVE_BYTES + 9));
  const info = await fs.stat(PATH);
  const artifact = { filename: "rootfs.img", path: PATH };
  for (
    const was of [
      { ...info, modifiedMs: info.modifiedMs - 1 },
      { ...info, sizeBytes: info.sizeBytes + PIECE_BYTES },
      { ...info, sizeBytes: info.sizeBytes - 1 },
    ]
  ) {
    await assert.rejects(
      digestFile({ ...artifact, info: was }, fs, { signal }),
      FileChangedError,
    );
  }
});

Deno.test("digestFile() sees that a large file is a PE image", async () => {
  const bytes = content(PIECES_ABOVE_BYTES + 1);
  // The PE signature is where two pieces meet.
  bytes.set(new TextEncoder().encode("MZ"));
  new DataView(bytes.buffer).setUint32(0x3c, PIECE_BYTES - 2, true);
  bytes.set([0x50, 0x45, 0, 0], PIECE_BYTES - 2);
  for (const mediaType of ["application/efi", "application/octet-stream"]) {
    const fs = new MemoryFileSystem().file(PATH, bytes);
    const info = await fs.stat(PATH);
    const file = { filename: "rootfs.img", path: PATH, info };
    const found = await digestFile(file, fs, { signal });
    assert.equal(found.mediaType, mediaType);
    bytes[0] = 0;
  }
});
