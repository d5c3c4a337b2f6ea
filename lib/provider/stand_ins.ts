import { type ChannelArch, formatChannelArch } from "../core/channel_arch.ts";
import type { Clock } from "../core/clock.ts";
import type { FileSystem } from "../core/file_system.ts";
import type { ServedImage } from "../http/artifacts/image_catalog.ts";
import { isUnchanged } from "../scan/digest.ts";
import { WRITING_QUIET_MS } from "../scan/settling.ts";

/**
 * How long what has changed on disk stays on offer: files and the manifest of
 * their owner come one after the other, with pauses as between the parts of a
 * file.
 */
const STAND_IN_MS = WRITING_QUIET_MS;

/**
 * Decides how long what was served stays on offer in the place of what lies on
 * disk now and cannot be, such as files that their owner's manifest does not
 * fit. What was served is a set of its own: nothing is sent for its files but
 * the content that was hashed, a 503 where that is gone.
 */
export class StandIns {
  readonly #clock: Clock;
  readonly #fileSystem: FileSystem;
  /** By name, on the monotonic clock: since when something stands in. */
  readonly #sinceMs = new Map<string, number>();

  constructor(
    { clock, fileSystem }: {
      readonly clock: Clock;
      readonly fileSystem: FileSystem;
    },
  ) {
    this.#clock = clock;
    this.#fileSystem = fileSystem;
  }

  /**
   * Whether an image can still be offered: as long as it is whole, and for a
   * while when it is not.
   */
  async holds(before: ServedImage): Promise<boolean> {
    const name = formatChannelArch(before.image);
    const now = this.#clock.monotonic();
    const sinceMs = this.#sinceMs.get(name) ?? now;
    this.#sinceMs.set(name, sinceMs);
    return now - sinceMs < STAND_IN_MS ||
      await isIntact(before, this.#fileSystem);
  }

  /** An image is served as it lies on disk, or not at all. */
  end(image: ChannelArch): void {
    this.#sinceMs.delete(formatChannelArch(image));
  }
}

/** Whether every file of an image is there as it was. */
export async function isIntact(
  { artifacts }: ServedImage,
  fileSystem: FileSystem,
): Promise<boolean> {
  const unchanged = await Promise.all(
    [...artifacts.values()].map((file) => isUnchanged(file, fileSystem)),
  );
  return unchanged.every(Boolean);
}
