/**
 * Archives as tar(5) has them since POSIX.1-1988 (ustar): the same entries give
 * the same bytes. All is root's and of one time.
 */

/** A file or directory of an archive. */
export type TarEntry =
  & {
    /** Without a slash in front: `usr/bin/plasmd`. */
    readonly path: string;
  }
  & (
    | {
      readonly kind: "file";
      readonly content: Uint8Array;
      readonly isExecutable: boolean;
    }
    | { readonly kind: "directory" }
  );

const BLOCK_BYTES = 512;
const TYPES = { file: "0", directory: "5" } as const;

/**
 * An archive.
 *
 * @param entries with each directory before what is in it
 * @param timeMs of all of them, milliseconds since 1970
 */
export function writeTar(
  entries: readonly TarEntry[],
  timeMs: number,
): Uint8Array<ArrayBuffer> {
  const sizes = entries.map((entry) =>
    BLOCK_BYTES + roundUp(contentOf(entry).length)
  );
  const total = sizes.reduce((sum, size) => sum + size, 2 * BLOCK_BYTES);
  const archive = new Uint8Array(total);
  let at = 0;
  for (const [i, entry] of entries.entries()) {
    archive.set(header(entry, timeMs), at);
    archive.set(contentOf(entry), at + BLOCK_BYTES);
    at += sizes[i] ?? 0;
  }
  return archive;
}

/** The files of an archive with short names, by path. @throws when it is cut */
export function readTar(
  archive: Uint8Array<ArrayBuffer>,
): Map<string, Uint8Array<ArrayBuffer>> {
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  const decoder = new TextDecoder();
  const text = (start: number, length: number) =>
    decoder.decode(archive.subarray(start, start + length)).split("\0")[0] ??
      "";
  for (let at = 0; archive[at] !== undefined && archive[at] !== 0;) {
    const size = parseInt(text(at + 124, 12), 8);
    const start = at + BLOCK_BYTES;
    if (start + size > archive.length) throw new Error("The archive is cut");
    if ([TYPES.file, ""].includes(text(at + 156, 1))) {
      files.set(text(at, 100), archive.subarray(start, start + size));
    }
    at = start + roundUp(size);
  }
  return files;
}

function contentOf(entry: TarEntry): Uint8Array {
  return entry.kind === "file" ? entry.content : new Uint8Array();
}

function roundUp(bytes: number): number {
  return Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES;
}

function modeOf(entry: TarEntry): number {
  if (entry.kind === "directory") return 0o755;
  return entry.isExecutable ? 0o755 : 0o644;
}

function header(entry: TarEntry, timeMs: number): Uint8Array {
  const block = new Uint8Array(BLOCK_BYTES);
  const put = (text: string, at: number, length: number) => {
    const bytes = new TextEncoder().encode(text);
    if (bytes.length > length) {
      throw new Error(`"${entry.path}" does not fit into a tar header`);
    }
    block.set(bytes, at);
  };
  const octal = (value: number, digits: number) =>
    `${value.toString(8).padStart(digits, "0")}\0`;
  const path = entry.kind === "directory" ? `${entry.path}/` : entry.path;
  put(path, 0, 100);
  put(octal(modeOf(entry), 7), 100, 8);
  put(octal(0, 7), 108, 8);
  put(octal(0, 7), 116, 8);
  put(octal(contentOf(entry).length, 11), 124, 12);
  put(octal(Math.floor(timeMs / 1000), 11), 136, 12);
  // Counted as if its own eight bytes were spaces.
  put(" ".repeat(8), 148, 8);
  put(TYPES[entry.kind], 156, 1);
  put("ustar\x0000", 257, 8);
  put("root", 265, 32);
  put("root", 297, 32);
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(`${octal(sum, 6)} `, 148, 8);
  return block;
}
