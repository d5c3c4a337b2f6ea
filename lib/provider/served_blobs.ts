import { formatChannelArch } from "../core/channel_arch.ts";
import type { Clock } from "../core/clock.ts";
import type { FileSystem } from "../core/file_system.ts";
import { listChanges } from "../core/list_changes.ts";
import { mapParallel } from "../core/map_parallel.ts";
import type {
  ServedBlob,
  ServedImage,
} from "../http/artifacts/image_catalog.ts";
import { isUnchanged } from "../scan/digest.ts";

/** How long a file is served that an image has moved on from. */
const KEEP_MS = 600_000;
/** How often it is seen whether they are still there. */
const CHECK_INTERVAL_MS = 5000;
/** Beyond this, the oldest are no longer served. */
const MAX_KEPT = 256;

interface KeptBlob extends ServedBlob {
  /** On the monotonic clock. */
  readonly untilMs: number;
}

/**
 * The files of all images by the hash of their content, and for ten minutes
 * those that a manifest has named before, as long as they lie there: a client
 * that has taken the manifest just before still gets what it says.
 */
export class ServedBlobs {
  readonly #clock: Clock;
  readonly #fileSystem: FileSystem;
  #images: readonly ServedImage[] = [];
  /** The names of all images. */
  readonly #names = new Set<string>();
  /** The same content may be in several images. */
  readonly #current = new Map<string, readonly ServedBlob[]>();
  #kept: ReadonlyMap<string, KeptBlob> = new Map();
  /** By the hash of a list of pieces: the hash of its file. */
  readonly #withPieces = new Map<string, string>();
  /** When the kept blobs were last checked, on the monotonic clock. */
  #checkedMs = -Infinity;

  constructor(
    { clock, fileSystem }: {
      readonly clock: Clock;
      readonly fileSystem: FileSystem;
    },
  ) {
    this.#clock = clock;
    this.#fileSystem = fileSystem;
  }

  /** A file, by 64 lower-case hex digits. */
  find(sha256: string): ServedBlob | undefined {
    const kept = this.#kept.get(sha256);
    return this.#current.get(sha256)?.at(-1) ??
      (kept !== undefined && kept.untilMs > this.#clock.monotonic()
        ? kept
        : undefined);
  }

  /** A file, by the same of the list of its pieces. */
  findOfPieces(sha256: string): ServedBlob | undefined {
    const file = this.#withPieces.get(sha256);
    return file === undefined ? undefined : this.find(file);
  }

  /**
   * Takes what is served now, in place of what was.
   *
   * @param images the same list stands for the same images
   */
  async update(images: readonly ServedImage[]): Promise<void> {
    const before = this.#images;
    this.#images = images;
    if (images === before && this.#kept.size === 0) return;
    const { gone, come } = listChanges(before, images);
    for (const served of gone) this.#drop(served);
    for (const served of come) this.#take(served);
    await this.#keep(gone);
  }

  #take(served: ServedImage): void {
    this.#names.add(formatChannelArch(served.image));
    for (const artifact of served.artifacts.values()) {
      const { sha256, pieces } = artifact;
      const others = this.#current.get(sha256) ?? [];
      this.#current.set(sha256, [...others, { served, artifact }]);
      if (pieces !== undefined) this.#withPieces.set(pieces.sha256, sha256);
    }
  }

  #drop(served: ServedImage): void {
    this.#names.delete(formatChannelArch(served.image));
    for (const { sha256 } of served.artifacts.values()) {
      const others = this.#current.get(sha256)
        ?.filter((blob) => blob.served !== served) ?? [];
      if (others.length > 0) this.#current.set(sha256, others);
      else this.#current.delete(sha256);
    }
  }

  /** @param gone images that others are served in place of, or none */
  async #keep(gone: readonly ServedImage[]): Promise<void> {
    const nowMs = this.#clock.monotonic();
    const before = new Map(this.#kept);
    for (const served of gone) {
      for (const artifact of served.artifacts.values()) {
        const untilMs = nowMs + KEEP_MS;
        before.set(artifact.sha256, { served, artifact, untilMs });
      }
    }
    if (before.size === 0) return;
    const wanted = [...before].filter(([sha256, { served, untilMs }]) =>
      untilMs > nowMs && !this.#current.has(sha256) &&
      // What was taken away as a whole was meant to be.
      this.#names.has(formatChannelArch(served.image))
    ).slice(-MAX_KEPT);
    // A download in between notices on its own.
    const isDue = nowMs >= this.#checkedMs + CHECK_INTERVAL_MS;
    if (isDue) this.#checkedMs = nowMs;
    const still = await mapParallel(
      wanted,
      async ([sha256, { artifact }]) =>
        !isDue && this.#kept.has(sha256) ||
        await isUnchanged(artifact, this.#fileSystem),
    );
    this.#kept = new Map(wanted.filter((_, index) => still[index]));
    for (const [sha256, { artifact: { pieces } }] of before) {
      if (pieces === undefined || this.find(sha256) !== undefined) continue;
      this.#withPieces.delete(pieces.sha256);
    }
  }
}
