import { createHash } from "node:crypto";
import {
  type IssuedManifest,
  issueManifest,
  type IssueOptions,
} from "../../lib/manifest/issue_manifest.ts";
import type {
  HashedArtifact,
  HashedImage,
} from "../../lib/scan/image_files.ts";
import { testSigningKey } from "./signing_keys.ts";

/** A file as a scan and a digest would report it. */
export function hashedArtifact(
  filename: string,
  {
    content = filename,
    modified = "2026-11-22T10:00:00Z",
    directory = "/images/stable/arm64",
  } = {},
): HashedArtifact {
  return {
    filename,
    path: `${directory}/${filename}`,
    sha256: createHash("sha256").update(content).digest("hex"),
    mediaType: "application/octet-stream",
    info: {
      kind: "file",
      sizeBytes: new TextEncoder().encode(content).length,
      modifiedMs: Date.parse(modified),
      changedMs: Date.parse(modified),
      device: 1,
      inode: 1,
      linkCount: 1,
      mode: 0o644,
    },
  };
}

/** An image of a kernel alone, or of what is given. */
export function hashedImage(parts: Partial<HashedImage> = {}): HashedImage {
  return {
    image: { channel: "stable", arch: "arm64" },
    directory: "/images/stable/arm64",
    kernel: hashedArtifact("vmlinuz"),
    dtbs: [],
    files: [],
    initrds: [],
    ...parts,
  };
}

/** An image with something in every place. */
export const FULL: HashedImage = hashedImage({
  kernel: hashedArtifact("vmlinuz"),
  initramfs: hashedArtifact("initrd.img"),
  rootfs: hashedArtifact("rootfs.img"),
  dtbs: [hashedArtifact("a.dtb")],
  files: [hashedArtifact("notes.txt"), hashedArtifact("ucode.img")],
  initrds: ["ucode.img", "initrd.img"],
  cmdline: "quiet",
  version: "1",
});

/** When manifests are issued. */
export const NOW = Date.parse("2026-11-22T12:00:00.750Z");
/** Who signs them. */
export const signer = await testSigningKey(1);

/** The manifest of an image of a kernel alone, or of what is given. */
export function issue(
  changes: Partial<IssueOptions> = {},
): Promise<IssuedManifest> {
  return issueManifest({
    image: hashedImage(),
    signers: [signer],
    now: NOW,
    expiresDays: 30,
    ...changes,
  });
}
