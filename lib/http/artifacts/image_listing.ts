import { manifestPath } from "../../core/channel_arch.ts";
import type { ImageCatalog } from "./image_catalog.ts";

/** What `/` says to programs: the images, and where their manifests are. */
export function imageListing(catalog: ImageCatalog): unknown {
  return {
    images: catalog.images().map(({ image, version }) => ({
      channel: image.channel,
      arch: image.arch,
      version,
      manifest: manifestPath(image),
    })),
  };
}
