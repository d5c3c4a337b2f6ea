import { formatChannelArch } from "../core/channel_arch.ts";
import type { ListChanges } from "../core/list_changes.ts";
import type { HashedImage, ImageFiles } from "./image_files.ts";

/**
 * How long an image is gone before it counts as gone: where a directory is put
 * in the place of another by two steps, there is none for a moment.
 */
const GONE_MS = 250;

/** What is on offer by name, from one look to the next: also what has just gone. */
export class OfferedImages {
  readonly #present = new Set<string>();
  readonly #images = new Map<string, HashedImage>();
  /** Since when an image that is offered is not there, on the monotonic clock. */
  readonly #goneSinceMs = new Map<string, number>();

  /**
   * Takes what has come and gone since the last look.
   *
   * @param nowMs monotonic, as everywhere here
   */
  take({ gone, come }: ListChanges<ImageFiles>, nowMs: number): void {
    for (const { image } of gone) {
      const name = formatChannelArch(image);
      this.#present.delete(name);
      if (this.#images.has(name)) this.#goneSinceMs.set(name, nowMs);
    }
    for (const { image } of come) {
      const name = formatChannelArch(image);
      this.#present.add(name);
      this.#goneSinceMs.delete(name);
    }
  }

  isPresent(name: string): boolean {
    return this.#present.has(name);
  }

  get(name: string): HashedImage | undefined {
    return this.#images.get(name);
  }

  /** Offers an image; undefined: none of this name. */
  set(name: string, image: HashedImage | undefined): void {
    if (image === undefined) this.#images.delete(name);
    else this.#images.set(name, image);
  }

  values(): Iterable<HashedImage> {
    return this.#images.values();
  }

  /**
   * The images that have just gone; those that went earlier are not offered any
   * more.
   */
  takeGone(nowMs: number): HashedImage[] {
    const justGone: HashedImage[] = [];
    for (const [name, sinceMs] of this.#goneSinceMs) {
      const image = this.#images.get(name);
      if (image !== undefined && nowMs - sinceMs < GONE_MS) {
        justGone.push(image);
        continue;
      }
      this.#goneSinceMs.delete(name);
      this.#images.delete(name);
    }
    return justGone;
  }

  /** When the next one counts as gone; `Infinity` for none. */
  get nextGoneMs(): number {
    return Math.min(...this.#goneSinceMs.values()) + GONE_MS;
  }
}
