import type {
  ImageCatalog,
  ServedImage,
} from "../http/artifacts/image_catalog.ts";
import { bootFiles } from "../http/boot/boot_files.ts";
import type { Machines } from "../machines/machines.ts";
import { loaderFor } from "../pxe/loaders.ts";
import type { OfferedImage, OfferState } from "../pxe/offer.ts";
import type { ServeConfig } from "./machine.ts";
import { loaderNames, type PxeLoaders } from "./pxe_loaders.ts";

/** What offers to bare machines are decided from, as it stands. */
export class OfferView {
  readonly #parts: OfferViewParts;
  #loaderNames: ReadonlySet<string> = new Set();
  #served: readonly ServedImage[] = [];
  #images: readonly OfferedImage[] = [];

  /** Starts without boot loaders, until it has looked for them. */
  constructor(parts: OfferViewParts) {
    this.#parts = parts;
  }

  /** Looks which boot loaders there are. */
  async look(): Promise<void> {
    this.#loaderNames = await this.#parts.loaders.names();
  }

  /** What holds at the moment. */
  state(): OfferState {
    const { settings, machines } = this.#parts;
    const { allow, deny } = settings().pxe;
    const chosen = loaderNames(settings());
    return {
      allow,
      deny,
      machines: machines.rows(),
      unknown: machines.unknown(),
      images: this.#offeredImages(),
      loaderFor: (firmware) => loaderFor(firmware, this.#loaderNames, chosen),
    };
  }

  #offeredImages(): readonly OfferedImage[] {
    const served = this.#parts.catalog.images();
    if (served !== this.#served) {
      this.#served = served;
      this.#images = served.map(offeredImage);
    }
    return this.#images;
  }
}

/** What a view looks at. */
export interface OfferViewParts {
  /** What is served. */
  readonly catalog: Pick<ImageCatalog, "images">;
  /** Gives those settings that hold at the moment. */
  readonly settings: () => Pick<ServeConfig, "pxe">;
  /** The settings for machines. */
  readonly machines: Pick<Machines, "rows" | "unknown">;
  /** The boot loaders that there are. */
  readonly loaders: Pick<PxeLoaders, "names">;
}

function offeredImage(served: ServedImage): OfferedImage {
  const files = bootFiles(served);
  return {
    ...served.image,
    isUnified: files.ok && files.value.kind === "efi",
  };
}
