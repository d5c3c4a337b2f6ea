import { join } from "node:path";
import {
  type ChannelArch,
  formatChannelArch,
} from "../../lib/core/channel_arch.ts";
import type { SigningKey } from "../../lib/manifest/signing_key.ts";
import { makeFiles } from "./image_tree.ts";
import { runWell, writeKeys } from "./signed_image.ts";

/** An image with something in each role, signed by its owner elsewhere. */
export interface OwnedImage {
  readonly image: ChannelArch;
  /** `channel/arch`. */
  readonly name: string;
  /** To be served: `artifacts/channel/arch` lies below. */
  readonly artifacts: string;
  /** Of the image's own directory. */
  readonly directory: string;
  /** What the owner signed. */
  readonly manifest: Uint8Array<ArrayBuffer>;
}

/** With what JSON writes in another way. */
export const OWNED_CMDLINE = `root={url}/rootfs q="a b" mac={mac}`;

/** The files of an owned image, and their sizes. */
export const OWNED_FILES = {
  "vmlinuz": 100_000,
  "initrd.img": 70_001,
  "intel-ucode.img": 1001,
  "rootfs.squashfs": 300_000,
  "dtbs/board.dtb": 500,
  "notes/readme.txt": 20,
};

/**
 * Makes an image below a directory and signs it as its owner would.
 *
 * @param files as `makeFiles()` takes them
 */
export async function makeOwnedImage(
  root: string,
  channel: string,
  owner: SigningKey,
  files: Readonly<Record<string, number | string>> = {
    ...OWNED_FILES,
    cmdline: OWNED_CMDLINE,
  },
): Promise<OwnedImage> {
  // Other tests share the loopback's multicast.
  const image = { channel: `${channel}-${Deno.pid}`, arch: "arm64" };
  const name = formatChannelArch(image);
  const artifacts = join(root, "artifacts");
  const directory = join(artifacts, name);
  await makeFiles(directory, files);
  await writeKeys(root, { "owner.pem": owner });
  await runWell([
    ...["manifest", "generate", "--artifacts", artifacts],
    ...["--channel", image.channel, "--arch", image.arch],
  ]);
  const path = join(directory, "manifest.json");
  await runWell(["manifest", "sign", path, "--key", join(root, "owner.pem")]);
  const manifest = await Deno.readFile(path);
  return { image, name, artifacts, directory, manifest };
}
