import type { FileInfo } from "../../lib/core/file_system.ts";

/** A file, directory or link of a MemoryFileSystem. */
export interface MemoryNode {
  kind: FileInfo["kind"];
  bytes: Uint8Array<ArrayBuffer>;
  /** Of a symlink. */
  target: string;
  modifiedMs: number;
  changedMs: number;
  inode: number;
  mode: number;
  readable: boolean;
}

/** With the same time in both, a file would look like one of an image. */
export const laterThan = (time: string): string =>
  new Date(Date.parse(time) + 1000).toISOString();

/** As the port describes it. */
export function infoOf(node: MemoryNode): FileInfo {
  return {
    kind: node.kind,
    sizeBytes: node.bytes.length,
    modifiedMs: node.modifiedMs,
    changedMs: node.changedMs,
    device: 1,
    inode: node.inode,
    linkCount: 1,
    mode: node.mode,
  };
}
