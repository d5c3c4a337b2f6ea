import { dirname } from "node:path";
import type { ScannedDirectory } from "./known_directories.ts";
import { directoriesAbove } from "./scan_notes.ts";

/** Finds channels by paths, without going through thousands of them. */
export class ChannelFinder {
  readonly #count: number;
  /** Indices by directory, as it is opened and as events name it. */
  readonly #byPath = new Map<string, Set<number>>();
  /** All directories above one of them. */
  readonly #above = new Set<string>();

  constructor(channels: readonly ScannedDirectory[]) {
    this.#count = channels.length;
    for (const [index, { path, eventPath }] of channels.entries()) {
      for (const directory of new Set([path, eventPath])) {
        const others = this.#byPath.get(directory);
        if (others === undefined) {
          this.#byPath.set(directory, new Set([index]));
        } else others.add(index);
        this.#noteAbove(directory);
      }
    }
  }

  at(directory: string): Iterable<number> {
    return this.#byPath.get(directory) ?? [];
  }

  /** The channels that a path lies in or is, and those below it. */
  near(path: string): Iterable<number> {
    return this.#above.has(path)
      ? Array(this.#count).keys()
      : [path, ...directoriesAbove(path)]
        .flatMap((directory) => [...this.at(directory)]);
  }

  #noteAbove(directory: string): void {
    const parent = dirname(directory);
    if (parent === directory || this.#above.has(parent)) return;
    this.#above.add(parent);
    this.#noteAbove(parent);
  }
}
