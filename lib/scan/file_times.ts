import type { FileInfo } from "../core/file_system.ts";

/**
 * Kinds of file systems, as statfs(2) numbers them, whose change times come
 * from their builder or a server: the kernel does not set them when content
 * changes. Another file system of the kind may be mounted in place of one, with
 * the same device, inode, size and times. NFS, SMB, 9P and overlayfs are not
 * listed: they pass on what the file system beneath says, and files from an
 * image keep the times of an image, by which they are recognized.
 */
const MADE_ELSEWHERE: ReadonlySet<number> = new Set([
  0x73717368, // squashfs
  0xe0f5e1e2, // EROFS
  0x9660, // ISO 9660
  0x15013346, // UDF
  0x28cd3d45, // cramfs
  0x453dcd28, // cramfs of the other byte order
  0x7275, // romfs
  0x65735546, // FUSE and virtiofs: what the program at the other end says
  0x4d44, // FAT: the time of change is that of modification
  0x2011bab0, // exFAT, as FAT
]);

/**
 * Whether a file that was changed has another time of change for sure, so that
 * one with the same times has the same content.
 *
 * Where the kernel keeps the time it is that of the last write, with a fraction
 * of a second; a copy that kept the time of its original was changed later than
 * that. What is whole seconds in both comes from an image that was made
 * elsewhere, whatever it is mounted as: ext4 made with SOURCE_DATE_EPOCH, a layer
 * of an overlay. (Of a thousand files that are written, one has no milliseconds:
 * it is read once too often.)
 *
 * @param kind of the file system that the file is on; undefined: not known
 */
export function timesTell(
  kind: number | undefined,
  { modifiedMs, changedMs }: Pick<FileInfo, "modifiedMs" | "changedMs">,
): boolean {
  if (kind !== undefined && MADE_ELSEWHERE.has(kind)) return false;
  return changedMs !== modifiedMs || modifiedMs % 1000 !== 0;
}
