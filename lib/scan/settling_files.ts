import { dirname } from "node:path";
import type { Clock } from "../core/clock.ts";
import { artifactFiles, fileIdentity } from "./digest.ts";
import type { ImageFiles } from "./image_files.ts";
import {
  type Observation,
  observe,
  settledAtMs,
  type WriterState,
} from "./settling.ts";

/** Remembers which files have come to rest, and watches the others do so. */
export class SettlingFiles {
  readonly #clock: Clock;
  readonly #observations = new Map<string, Observation>();
  readonly #writers = new Map<string, WriterState>();
  /** Path to identity of what was whole, and is so until it changes. */
  readonly #settled = new Map<string, string>();
  #nextMs: number | undefined;

  /**
   * Has seen no file yet.
   *
   * @param clock measures how long files stay as they are
   */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Takes note of an event: who writes the file at this path, or has moved a
   * directory there.
   */
  noteWriter(path: string, writer: WriterState): void {
    if (writer === undefined) this.#writers.delete(path);
    else this.#writers.set(path, writer);
  }

  /**
   * The images all of whose files are whole. Those of the others are looked at
   * again by the next call; what is not in `images` is forgotten.
   */
  settled(images: readonly ImageFiles[]): ImageFiles[] {
    const moment = {
      nowMs: this.#clock.now(),
      monotonicMs: this.#clock.monotonic(),
    };
    const files = new Map(
      images.flatMap((image) => artifactFiles(image))
        .map(({ path, info }) => [path, info]),
    );
    for (const map of [this.#observations, this.#settled]) {
      for (const path of map.keys()) if (!files.has(path)) map.delete(path);
    }
    for (const path of files.keys()) {
      if (!this.#writers.has(path) && this.#isInMovedDirectory(path)) {
        this.#writers.set(path, "closed");
      }
    }
    for (const [path, writer] of this.#writers) {
      if (writer === "closed" && !files.has(path)) this.#writers.delete(path);
    }
    this.#nextMs = undefined;
    for (const [path, info] of files) {
      if (this.#settled.get(path) === fileIdentity(info)) continue;
      this.#settled.delete(path);
      const observation = observe(
        this.#observations.get(path),
        info,
        this.#writers.get(path),
        moment,
      );
      const atMs = settledAtMs(observation);
      if (atMs > moment.monotonicMs) {
        this.#observations.set(path, observation);
        this.#nextMs = Math.min(this.#nextMs ?? Infinity, atMs);
        continue;
      }
      this.#settled.set(path, fileIdentity(info));
      // Kept, so that growing is noticed; the next writer is another one.
      this.#observations.set(path, {
        ...observation,
        writer: undefined,
        rewritten: "never",
      });
      this.#writers.delete(path);
    }
    return images.filter((image) =>
      artifactFiles(image).every(({ path }) => this.#settled.has(path))
    );
  }

  #isInMovedDirectory(path: string): boolean {
    let directory = dirname(path);
    while (directory !== dirname(directory)) {
      if (this.#writers.get(directory) === "closed") return true;
      directory = dirname(directory);
    }
    return false;
  }

  /** In how many milliseconds the next file may have settled, if one has to. */
  get settlesInMs(): number | undefined {
    return this.#nextMs === undefined
      ? undefined
      : Math.max(0, this.#nextMs - this.#clock.monotonic());
  }
}
