import type { TarEntry } from "./tar.ts";

/** A file that is made or copied. */
export interface MadeFile {
  /** Its bytes. */
  readonly content: Uint8Array<ArrayBuffer>;
  /** Whether it can be run. */
  readonly isExecutable: boolean;
}

/** Files by path, without a slash in front. */
export type FileTree = ReadonlyMap<string, MadeFile>;

/** A file of text. */
export function textFile(text: string): MadeFile {
  return { content: new TextEncoder().encode(text), isExecutable: false };
}

/** A file of text that can be run. */
export function script(text: string): MadeFile {
  return { ...textFile(text), isExecutable: true };
}

/**
 * A tree as the entries of an archive, sorted, each directory before what is in
 * it.
 *
 * @param root what all of it lies in, such as `.`
 * @param emptyDirectories paths of directories that may hold nothing
 */
export function tarEntries(
  tree: FileTree,
  root: string,
  emptyDirectories: readonly string[] = [],
): TarEntry[] {
  const directories = new Set<string>();
  const addParents = (path: string) => {
    const parts = path.split("/").slice(0, -1);
    parts.forEach((_, i) => directories.add(parts.slice(0, i + 1).join("/")));
  };
  for (const path of tree.keys()) addParents(path);
  for (const path of emptyDirectories) addParents(`${path}/`);
  const entries: TarEntry[] = [
    ...[...directories].map((path) => ({ path, kind: "directory" as const })),
    ...[...tree].map(([path, file]) => ({
      path,
      kind: "file" as const,
      ...file,
    })),
  ].sort((a, b) => a.path < b.path ? -1 : 1);
  return [
    { path: root, kind: "directory" },
    ...entries.map((entry) => ({ ...entry, path: `${root}/${entry.path}` })),
  ];
}
