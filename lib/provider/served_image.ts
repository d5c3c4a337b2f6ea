import type { ServedImage } from "../http/artifacts/image_catalog.ts";
import type { BootManifest } from "../manifest/boot_manifest.ts";
import type { HashedArtifact, HashedImage } from "../scan/image_files.ts";

/** What clients get is what the manifest says, not what the disk says. */
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

/** The files of an image by the names that clients ask for them by. */
export function hashedByRole(
  { kernel, initramfs, rootfs, dtbs }: HashedImage,
): Map<string, HashedArtifact> {
  const byRole = new Map([["kernel", kernel]]);
  if (initramfs) byRole.set("initramfs", initramfs);
  if (rootfs) byRole.set("rootfs", rootfs);
  for (const dtb of dtbs) byRole.set(dtb.filename, dtb);
  return byRole;
}
