import { dirname } from "node:path";

/** A directory as events name it, and what belongs to it besides. */
export interface NotedDirectory {
  /** With the links of its root resolved, as events name it. */
  readonly eventPath: string;
  /** Files and directories outside of it that it takes in by links, resolved. */
  readonly elsewhere: readonly string[];
}

/** The paths at which something has changed since the last look. */
export class ScanNotes {
  readonly #paths: ReadonlySet<string>;
  readonly #parents: ReadonlySet<string>;
  readonly #above: ReadonlySet<string>;
  readonly #parentsBelow = new Map<string, boolean>();

  /**
   * Takes paths with every link resolved.
   *
   * @param paths of files and directories
   */
  constructor(paths: Iterable<string>) {
    this.#paths = new Set(paths);
    this.#parents = new Set([...this.#paths].map((path) => dirname(path)));
    this.#above = new Set([...this.#paths].flatMap(directoriesAbove));
  }

  /** Whether names may have come to a directory, or gone. */
  changesNames({ eventPath, elsewhere }: NotedDirectory): boolean {
    return [eventPath, ...elsewhere].some((directory) =>
      this.#parents.has(directory) || this.#isBelow(directory)
    );
  }

  /** Whether anything in a directory may have changed. */
  concerns({ eventPath, elsewhere }: NotedDirectory): boolean {
    return this.concernsPath(eventPath) ||
      elsewhere.some((path) => this.concernsPath(path));
  }

  /** Whether something at a path, or below, may have changed. */
  concernsPath(path: string): boolean {
    return this.#above.has(path) || this.#isBelow(path);
  }

  /** Every one of them. */
  get paths(): Iterable<string> {
    return this.#paths;
  }

  /** Whether something has changed that is in none of these directories. */
  hasOther(directories: Pick<ReadonlySet<string>, "has">): boolean {
    return [...this.#paths].some((path) =>
      !directories.has(path) &&
      !directoriesAbove(path).some((above) => directories.has(above))
    );
  }

  /** Whether it lies at or below one of the paths. */
  #isBelow(path: string): boolean {
    if (this.#paths.has(path)) return true;
    const parent = dirname(path);
    if (parent === path) return false;
    // Thousands of channels have one parent.
    let isBelow = this.#parentsBelow.get(parent);
    if (isBelow === undefined) {
      isBelow = this.#isBelow(parent);
      this.#parentsBelow.set(parent, isBelow);
    }
    return isBelow;
  }
}

/** The directories that a path is in. */
export function directoriesAbove(path: string): string[] {
  const directories: string[] = [];
  let below = path;
  for (let at = dirname(path); at !== below; at = dirname(at)) {
    directories.push(at);
    below = at;
  }
  return directories;
}
