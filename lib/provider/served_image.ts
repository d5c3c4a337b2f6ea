import type { ServedImage } from "../http/artifacts/image_catalog.ts";
import type { BootManifest } from "../manifest/boot_manifest.ts";

/** What has become of an image. */
export interface Outcome {
  /** As it is served, unless it cannot be. */
  readonly image?: ServedImage;
  /** For the operator, at a time in milliseconds since 1970. */
  readonly warnings: (now: number) => readonly string[];
}

/** An image that can be offered. */
export interface Served extends Outcome {
  /** As clients see it. */
  readonly image: ServedImage;
  /** Whether its manifest can still stand, milliseconds since 1970. */
  readonly holds: (now: number) => boolean;
}

/** An image with the version and command line that its manifest promises. */
export function servedImage(
  { image, version, cmdline, initrds, expiresAtMs }: BootManifest,
  manifest: Omit<ServedImage["manifest"], "expiresAtMs">,
  artifacts: ServedImage["artifacts"],
): ServedImage {
  return {
    image,
    version,
    ...cmdline !== undefined && { cmdline },
    manifest: { ...manifest, expiresAtMs },
    artifacts,
    ...initrds.length > 0 && { initrds },
  };
}
