import { dirname } from "node:path";
import type { Clock } from "../core/clock.ts";
import type { FileInfo } from "../core/file_system.ts";
import { listChanges } from "../core/list_changes.ts";
import { artifactFiles, fileIdentity } from "./digest.ts";
import type { ImageFiles } from "./image_files.ts";
import {
  type Moment,
  type Observation,
  observe,
  onceWhole,
  settledAtMs,
  type WriterState,
} from "./settling.ts";

/**
 * Remembers which files have come to rest, and watches the others until they
 * do.
 */
export class SettlingFiles {
  readonly #clock: Clock;
  readonly #observations = new Map<string, Observation>();
  readonly #writers = new Map<string, WriterState>();
  /** Path to identity of what was whole, and is so until it changes. */
  readonly #settled = new Map<string, string>();
  #images: readonly ImageFiles[] = [];
  /** The images with files that have not come to rest. */
  #open: readonly ImageFiles[] = [];
  readonly #whole = new WeakSet<ImageFiles>();
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
   * Notes an event: a program writes the file at this path, or has moved a
   * directory there.
   */
  noteWriter(path: string, writer: WriterState): void {
    if (writer === undefined) this.#writers.delete(path);
    else this.#writers.set(path, writer);
  }

  /**
   * Looks at the files of all images that have not come to rest, and forgets
   * those not in `images`.
   *
   * @param images an object that was passed before stands for the same files,
   * and a list for the same images
   */
  update(images: readonly ImageFiles[]): void {
    const moment = {
      nowMs: this.#clock.now(),
      monotonicMs: this.#clock.monotonic(),
    };
    const { gone, come } = listChanges(this.#images, images);
    this.#images = images;
    const left = new Set(gone);
    const open = [
      ...this.#open.filter((image) => !left.has(image)),
      ...come.filter((image) => !this.#whole.has(image)),
    ];
    const files = new Map(
      open.flatMap((image) => artifactFiles(image))
        .map(({ path, info }) => [path, info]),
    );
    this.#forget(gone, files);
    for (const path of files.keys()) {
      if (!this.#writers.has(path) && this.#isInMovedDirectory(path)) {
        this.#writers.set(path, "closed");
      }
    }
    for (const [path, writer] of this.#writers) {
      const isKnown = files.has(path) || this.#settled.has(path);
      if (writer === "closed" && !isKnown) this.#writers.delete(path);
    }
    this.#nextMs = undefined;
    for (const [path, info] of files) this.#observe(path, info, moment);
    for (const image of open) {
      if (artifactFiles(image).every(({ path }) => this.#settled.has(path))) {
        this.#whole.add(image);
      }
    }
    this.#open = open.filter((image) => !this.#whole.has(image));
  }

  /** Whether all files of an image of the last `update()` are whole. */
  isWhole(image: ImageFiles): boolean {
    return this.#whole.has(image);
  }

  /** Forgets what only belonged to images that are not there any more. */
  #forget(
    gone: readonly ImageFiles[],
    files: ReadonlyMap<string, FileInfo>,
  ): void {
    for (const { path } of gone.flatMap((image) => artifactFiles(image))) {
      if (files.has(path)) continue;
      this.#observations.delete(path);
      this.#settled.delete(path);
    }
  }

  #observe(path: string, info: FileInfo, moment: Moment): void {
    if (this.#settled.get(path) === fileIdentity(info)) return;
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
      return;
    }
    this.#settled.set(path, fileIdentity(info));
    // Kept, so that it is noticed when it goes on.
    this.#observations.set(path, onceWhole(observation));
    this.#writers.delete(path);
  }

  #isInMovedDirectory(path: string): boolean {
    if (this.#writers.size === 0) return false;
    let directory = dirname(path);
    while (directory !== dirname(directory)) {
      if (this.#writers.get(directory) === "closed") return true;
      directory = dirname(directory);
    }
    return false;
  }

  /**
   * In how many milliseconds the next file may have settled; undefined: none
   * has to.
   */
  get settlesInMs(): number | undefined {
    return this.#nextMs === undefined
      ? undefined
      : Math.max(0, this.#nextMs - this.#clock.monotonic());
  }
}
