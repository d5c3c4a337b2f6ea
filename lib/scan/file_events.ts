/**
 * Kinds of file systems that are changed elsewhere than through this machine's
 * kernel, or in a layer of which it does not tell (linux/magic.h, statfs(2)).
 */
const SILENT: ReadonlySet<number> = new Set([
  0x6969, // NFS
  0x517b, // SMB, as smbfs was
  0xfe534d42, // SMB 2 and later
  0xff534d42, // CIFS
  0x65735546, // FUSE, virtiofs
  0x794c7630, // overlayfs
  0x01021997, // 9P
  0x5346414f, // AFS
  0x6b414653, // AFS of the kernel
  0x00c36400, // Ceph
  0x73757245, // Coda
  0x01161970, // GFS2
  0x7461636f, // OCFS2
  0x0bd00bd0, // Lustre
  0x786f4256, // VirtualBox shared folders
]);

/**
 * Whether a watch hears of all that happens on a file system, not only of
 * what this machine does: not where others change it on a server, or in a program of its own.
 *
 * @param kind of the file system; undefined: not known
 */
export function eventsTell(kind: number | undefined): boolean {
  return kind === undefined || !SILENT.has(kind);
}
