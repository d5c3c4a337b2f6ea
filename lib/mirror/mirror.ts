import type { ChannelArch } from "../core/channel_arch.ts";
import type { MirrorStatus } from "../http/status/provider_status.ts";
import type { Mirroring, MirrorProvider } from "../provider/machine.ts";
import { MirroredImage } from "./mirrored_image.ts";
import type { MirrorTools } from "./mirror_tools.ts";

/** Images of another owner, each kept up to date. */
export class Mirror implements Mirroring {
  readonly #images: readonly MirroredImage[];

  private constructor(images: readonly MirroredImage[]) {
    this.#images = images;
  }

  /**
   * Examines the releases on disk, which are served from then on.
   *
   * @throws UserError when something there is not a mirror's
   */
  static async open(
    images: readonly ChannelArch[],
    tools: MirrorTools,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<Mirror> {
    const mirrored = images.map((image) => new MirroredImage(image, tools));
    for (const image of mirrored) await image.open({ signal });
    return new Mirror(mirrored);
  }

  /** How each image stands. */
  status(): readonly MirrorStatus[] {
    return this.#images.map((image) => image.status());
  }

  /** Has others asked at once. */
  askNow(): void {
    for (const image of this.#images) image.askNow();
  }

  /** Goes on until the signal aborts. */
  async run(
    provider: MirrorProvider,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<void> {
    await Promise.all(
      this.#images.map((image) => image.run(provider, { signal })),
    );
  }
}
