import { formatChannelArch } from "../../lib/core/channel_arch.ts";
import { DigestCache } from "../../lib/scan/digest_cache.ts";
import { ImageTree } from "../../lib/scan/image_tree.ts";
import { FakeClock } from "./fake_clock.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { MemoryLogger } from "./memory_logger.ts";

const { signal } = new AbortController();
/** Where the images of a `TreeBench` lie. */
export const SETTINGS = { artifactsDir: "/srv" };
/** A kernel there. */
export const KERNEL = "/srv/stable/arm64/vmlinuz";

/** An `ImageTree` on a disk in memory. */
export class TreeBench {
  readonly fs = new MemoryFileSystem().directory("/srv").directory("/state");
  readonly clock = new FakeClock();
  #tree: ImageTree | undefined;

  async tree(): Promise<ImageTree> {
    const { fs, clock } = this;
    const path = "/state/digests.json";
    const logger = new MemoryLogger();
    return this.#tree ??= new ImageTree({
      fileSystem: fs,
      clock,
      logger,
      digests: await DigestCache.open({ fileSystem: fs, path, logger }),
    });
  }

  /** The time now, as a file's. */
  now(): string {
    return new Date(this.clock.now()).toISOString();
  }

  /** The images after a look, with the role of each file. */
  async look(): Promise<string[]> {
    const { hashed } = await (await this.tree()).look(SETTINGS, { signal });
    return hashed.map((image) =>
      formatChannelArch(image.image) + (image.rootfs ? "+rootfs" : "")
    );
  }

  /** The digests of the kernels after a look. */
  async digests(): Promise<string[]> {
    const { hashed } = await (await this.tree()).look(SETTINGS, { signal });
    return hashed.map(({ kernel }) => kernel.sha256);
  }

  /** Looks, reads what is new and looks again. */
  async settle(): Promise<string[]> {
    await this.look();
    await (await this.tree()).hashPending({ signal });
    return await this.look();
  }
}
