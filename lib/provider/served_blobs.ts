import { formatChannelArch } from "../core/channel_arch.ts";
import type { Clock } from "../core/clock.ts";
import type { FileSystem } from "../core/file_system.ts";
import { mapParallel } from "../core/map_parallel.ts";
import type {
  ServedBlob,
  ServedImage,
} from "../http/artifacts/image_catalog.ts";
import { isUnchanged } from "../scan/digest.ts";

/** How long a file is served that an image has moved on from. */
const KEEP_MS = 600_000;
/** Of more than this, the oldest are not served any longer. */
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
  #images: ReadonlySet<ServedImage> = new Set();
  #current = new Map<string, ServedBlob>();
  #kept: ReadonlyMap<string, KeptBlob> = new Map();
  /** By the hash of a list of pieces, that of its file. */
  #withPieces: ReadonlyMap<string, string> = new Map();

  /** Serves nothing yet. */
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
    return this.#current.get(sha256) ??
      (kept !== undefined && kept.untilMs > this.#clock.monotonic()
        ? kept
        : undefined);
  }

  /** A file, by the same of the list of its pieces. */
  findOfPieces(sha256: string): ServedBlob | undefined {
    const file = this.#withPieces.get(sha256);
    return file === undefined ? undefined : this.find(file);
  }

  /** Takes what is served now, in place of what was. */
  async update(images: readonly ServedImage[]): Promise<void> {
    const now = new Set(images);
    const before = [...this.#images].filter((image) => !now.has(image));
    const isSame = before.length === 0 && now.size === this.#images.size;
    this.#images = now;
    if (!isSame) {
      this.#current = new Map(
        images.flatMap((served) =>
          [...served.artifacts.values()].map((artifact) =>
            [artifact.sha256, { served, artifact }] as const
          )
        ),
      );
      this.#indexPieces();
    }
    if (isSame && this.#kept.size === 0) return;
    await this.#keep(before);
    this.#indexPieces();
  }

  #indexPieces(): void {
    const index = new Map<string, string>();
    for (const blobs of [this.#current, this.#kept]) {
      for (const [sha256, { artifact: { pieces } }] of blobs) {
        if (pieces !== undefined) index.set(pieces.sha256, sha256);
      }
    }
    this.#withPieces = index;
  }

  /** @param before images that others are served in place of, or none */
  async #keep(before: readonly ServedImage[]): Promise<void> {
    const nowMs = this.#clock.monotonic();
    const names = new Set(
      [...this.#images].map(({ image }) => formatChannelArch(image)),
    );
    const kept = new Map(this.#kept);
    for (const served of before) {
      // What was taken away as a whole was meant to be.
      if (!names.has(formatChannelArch(served.image))) continue;
      for (const artifact of served.artifacts.values()) {
        const untilMs = nowMs + KEEP_MS;
        kept.set(artifact.sha256, { served, artifact, untilMs });
      }
    }
    const wanted = [...kept].filter(([sha256, { served, untilMs }]) =>
      untilMs > nowMs && !this.#current.has(sha256) &&
      names.has(formatChannelArch(served.image))
    ).slice(-MAX_KEPT);
    const still = await mapParallel(
      wanted,
      ([, { artifact }]) => isUnchanged(artifact, this.#fileSystem),
    );
    this.#kept = new Map(wanted.filter((_, index) => still[index]));
  }
}
