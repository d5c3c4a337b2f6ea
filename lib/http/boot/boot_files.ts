import { formatChannelArch } from "../../core/channel_arch.ts";
import { printable } from "../../core/printable.ts";
import { ok, refuse, type Result } from "../../core/result.ts";
import type { ServedImage } from "../artifacts/image_catalog.ts";

/** A file, as a boot script names it. */
export interface BootFile {
  /** One word, and another for each. */
  readonly name: string;
  /** Below the image's own path. */
  readonly path: string;
  /** The hash of its content, 64 hex digits. */
  readonly sha256: string;
}

/** What a boot loader does with the files of an image. */
export interface BootFiles {
  /**
   * How the kernel is started: by the Linux boot protocol; as a program for
   * UEFI that has everything within itself; or as wimboot, the loader of
   * Windows images.
   */
  readonly kind: "linux" | "efi" | "wimboot";
  /** Loaded first. */
  readonly kernel: BootFile;
  /** What is loaded for it, in this order. */
  readonly initrds: readonly BootFile[];
  /** The image's device tree, where it has exactly one. */
  readonly deviceTree?: BootFile;
}

/** Files that wimboot asks for by name, wherever an image has them. */
const WIMBOOT_NAMES = new Set(["bootmgr", "bcd", "boot.sdi", "boot.wim"]);
const ROLES = new Set(["kernel", "initramfs", "rootfs"]);

/** The files of an image to load; a refusal where one cannot be named. */
export function bootFiles(served: ServedImage): Result<BootFiles> {
  const { image, artifacts } = served;
  const main = artifacts.get("kernel");
  if (main === undefined) {
    return refuse(`${formatChannelArch(image)} has no kernel`);
  }
  const kind = kindOf(served);
  const initrds = {
    linux: linuxInitrds,
    efi: () => [],
    wimboot: windowsFiles,
  }[kind](served);
  const deviceTree = deviceTreeOf(served);
  for (const { path } of [...initrds, ...deviceTree ? [deviceTree] : []]) {
    if (/^[\w.+~@=,/-]+$/.test(path)) continue;
    return refuse(
      `${formatChannelArch(image)} boots with "${
        printable(path, 80)
      }", a name that boot scripts cannot hold: rename it`,
    );
  }
  return ok({
    kind,
    kernel: { name: "kernel", path: "kernel", sha256: main.sha256 },
    initrds,
    ...deviceTree !== undefined && { deviceTree },
  });
}

function kindOf({ artifacts }: ServedImage): BootFiles["kind"] {
  const filename = artifacts.get("kernel")?.filename ?? "";
  if (/(^|\/)wimboot$/.test(filename)) return "wimboot";
  // With an initramfs beside it, it is a Linux kernel that UEFI can start as
  // well.
  return /\.efi$/i.test(filename) && !artifacts.has("initramfs")
    ? "efi"
    : "linux";
}

/** All of an image in the order to load them in: microcode comes first. */
function linuxInitrds({ artifacts, initrds = [] }: ServedImage): BootFile[] {
  const main = artifacts.get("initramfs");
  if (main === undefined) return [];
  const of = { name: "initramfs", path: "initramfs", sha256: main.sha256 };
  if (initrds.length === 0) return [of];
  const files = [...artifacts.values()];
  return initrds.flatMap((filename, index) => {
    if (filename === main.filename) return [of];
    const file = files.find((each) => each.filename === filename);
    return file === undefined
      ? []
      : [{ name: `initrd${index}`, path: filename, sha256: file.sha256 }];
  });
}

/**
 * What wimboot gets: the files beside it, and of others those that it asks for,
 * so that the tree of an installation medium is not loaded whole. Of equal names
 * (wimboot does not look at case) the one nearest to the top counts.
 */
function windowsFiles({ artifacts }: ServedImage): BootFile[] {
  const beside = directoryOf(artifacts.get("kernel")?.filename ?? "");
  const byName = new Map<string, BootFile>();
  const files = [...artifacts].filter(([key]) => !ROLES.has(key))
    .map(([, file]) => file)
    .sort((a, b) => depth(a.filename) - depth(b.filename));
  for (const { filename: path, sha256 } of files) {
    const name = path.slice(path.lastIndexOf("/") + 1);
    const key = name.toLowerCase();
    if (directoryOf(path) !== beside && !WIMBOOT_NAMES.has(key)) continue;
    if (!byName.has(key)) byName.set(key, { name, path, sha256 });
  }
  return [...byName.values()];
}

function directoryOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/") + 1);
}

function depth(path: string): number {
  return path.split("/").length;
}

/** @returns undefined where there are several: no loader knows which is right */
function deviceTreeOf({ artifacts }: ServedImage): BootFile | undefined {
  const [only, ...others] = [...artifacts]
    .filter(([key, { filename }]) =>
      !ROLES.has(key) && /\.dtb$/i.test(filename)
    )
    .map(([, file]) => file);
  return only === undefined || others.length > 0
    ? undefined
    : { name: "dtb", path: only.filename, sha256: only.sha256 };
}
