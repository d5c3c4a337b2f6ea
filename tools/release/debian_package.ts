import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { type FileTree, script, tarEntries, textFile } from "./file_tree.ts";
import { writeTar } from "./tar.ts";

/** A package for Debian and what descends from it. */
export interface DebianPackage {
  /** Of `control`, in order: deb-control(5). */
  readonly fields: Readonly<Record<string, string>>;
  /** What is installed, by path without a slash in front. */
  readonly files: FileTree;
  /** Directories that may be empty. */
  readonly directories: readonly string[];
  /** Paths of files that an operator changes and upgrades leave alone. */
  readonly conffiles: readonly string[];
  /** What is run when it comes and goes, by name: `postinst`. */
  readonly scripts: ReadonlyMap<string, string>;
}

/**
 * A package as deb(5) has it; the same input gives the same bytes.
 *
 * @param timeMs of all files in it, milliseconds since 1970
 */
export function writeDebianPackage(
  { fields, files, directories, conffiles, scripts }: DebianPackage,
  timeMs: number,
): Uint8Array<ArrayBuffer> {
  const kibibytes = [...files.values()].reduce(
    (sum, { content }) => sum + Math.ceil(content.length / 1024),
    0,
  );
  const control: FileTree = new Map([
    [
      "control",
      textFile(
        Object.entries({ ...fields, "Installed-Size": `${kibibytes}` })
          .map(([name, value]) => `${name}: ${value}\n`).join(""),
      ),
    ],
    ["conffiles", textFile(conffiles.map((path) => `/${path}\n`).join(""))],
    ["md5sums", textFile(md5sums(files, conffiles))],
    ...[...scripts].map(([name, text]) => [name, script(text)] as const),
  ]);
  return writeAr([
    ["debian-binary", new TextEncoder().encode("2.0\n")],
    ["control.tar.gz", gzipSync(writeTar(tarEntries(control, "."), timeMs))],
    [
      "data.tar.gz",
      gzipSync(writeTar(tarEntries(files, ".", directories), timeMs)),
    ],
  ], timeMs);
}

/** What `dpkg --verify` compares; conffiles have a sum of their own there. */
function md5sums(files: FileTree, conffiles: readonly string[]): string {
  return [...files].filter(([path]) => !conffiles.includes(path))
    .sort(([a], [b]) => a < b ? -1 : 1)
    .map(([path, { content }]) =>
      `${createHash("md5").update(content).digest("hex")}  ${path}\n`
    ).join("");
}

/** An archive as ar(5) has it. */
function writeAr(
  members: readonly (readonly [name: string, content: Uint8Array])[],
  timeMs: number,
): Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder();
  const seconds = Math.floor(timeMs / 1000);
  const parts = members.flatMap(([name, content]) => [
    encoder.encode(
      name.padEnd(16) + `${seconds}`.padEnd(12) + "0     0     100644  " +
        `${content.length}`.padEnd(10) + "`\n",
    ),
    content,
    encoder.encode(content.length % 2 === 0 ? "" : "\n"),
  ]);
  return new Uint8Array(Buffer.concat([encoder.encode("!<arch>\n"), ...parts]));
}
