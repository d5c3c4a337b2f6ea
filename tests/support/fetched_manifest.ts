import type {
  Artifact,
  BootManifest,
} from "../../lib/manifest/boot_manifest.ts";
import { verified } from "./memory_source.ts";

/** A file that a manifest promises; its digest is made of its name's length. */
export function promised(filename: string, sizeBytes = 8): Artifact {
  const sha256 = filename.length.toString(16).padStart(64, "0");
  return { filename, sha256, sizeBytes, urls: [filename] };
}

/** A manifest of stable/arm64 with one of everything, and two initrds. */
export const FULL_MANIFEST: BootManifest = {
  ...verified().manifest,
  cmdline: 'root={url}/rootfs q="a b" {mac}',
  kernel: promised("vmlinuz"),
  initramfs: promised("initrd.img"),
  rootfs: promised("rootfs.squashfs"),
  dtbs: [promised("dtbs/a.dtb"), promised("dtbs/b.dtb")],
  files: [promised("kernel"), promised("notes.txt"), promised("ucode.img")],
  initrds: ["ucode.img", "initrd.img"],
};
