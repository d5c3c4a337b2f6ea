import type { ServedImage } from "../http/artifacts/image_catalog.ts";
import type { BootManifest } from "../manifest/boot_manifest.ts";

/** An image as its manifest has it: what the disk says of it does not count. */
export function servedImage(
  { image, version, cmdline }: BootManifest,
  manifest: ServedImage["manifest"],
  artifacts: ServedImage["artifacts"],
): ServedImage {
  return {
    image,
    version,
    ...cmdline !== undefined && { cmdline },
    manifest,
    artifacts,
  };
}
