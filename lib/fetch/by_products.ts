import { artifactNamed } from "../manifest/artifact_paths.ts";
import {
  type Artifact,
  artifactsByRole,
  type BootManifest,
} from "../manifest/boot_manifest.ts";
import { fillCmdline } from "../manifest/fill_cmdline.ts";
import type { ExtraFile } from "./extra_file.ts";

/** All initrds in one file, in the order to load them in. */
export const JOINED_INITRD = "initrd.kexec";
const CMDLINE = "cmdline";
/** The same with the placeholders filled in. */
const RESOLVED_CMDLINE = "cmdline.resolved";

/** What is written beside the files of an image. */
export interface ByProducts {
  /** Files to write beside the image, for `fetchImage()`. */
  readonly extras: readonly ExtraFile[];
  /**
   * The name of the initrd that a boot uses, where it is one of {@linkcode
   * extras}.
   */
  readonly initrd?: string;
  /** The kernel command line, ready to be used. */
  readonly cmdline?: string;
  /** What could not be made, and why: whole sentences for the log. */
  readonly warnings: readonly string[];
}

/**
 * What is written beside the files of an image, for the machine that boots it
 * and for a provider of the directory: the manifest as signed; the command line
 * as signed and with its placeholders filled; all initrds as one file, if all
 * were fetched; and an `image.toml`, if the whole image was. A file of the
 * image with one of these names is left as it is.
 *
 * @param image `bytes`: of the manifest; `manifestUrl`: where it came from
 * @param files what is fetched of it
 */
export function byProducts(
  { manifest, bytes, manifestUrl }: {
    readonly manifest: BootManifest;
    readonly bytes: Uint8Array;
    readonly manifestUrl: URL;
  },
  files: readonly Artifact[],
): ByProducts {
  const artifacts = artifactsByRole(manifest);
  const taken = [...artifacts.values()].map(({ filename }) => filename);
  const isFree = (name: string) =>
    taken.every((path) => path !== name && !path.startsWith(`${name}/`));
  const extras: ExtraFile[] = [{ name: "manifest.json", bytes }];
  const add = (extra: ExtraFile) => {
    if (isFree(extra.name)) extras.push(extra);
    else warnings.push(`Not making ${extra.name}: the image has its own`);
  };
  const warnings: string[] = [];
  const cmdline = manifest.cmdline ?? "";
  const filled = fillCmdline(cmdline, {
    url: new URL(".", manifestUrl).href.replace(/\/$/, ""),
    find: (name) => artifactNamed(artifacts, name),
  });
  if (!filled.ok) {
    warnings.push(
      `The command line of the image stays as it is: ${filled.reason}`,
    );
  }
  const text = (value: string) => new TextEncoder().encode(value);
  add({ name: CMDLINE, bytes: text(cmdline) });
  add({
    name: RESOLVED_CMDLINE,
    bytes: text(filled.ok ? filled.value : cmdline),
  });
  const joined = initrdPaths(manifest);
  const fetched = new Set(files.map(({ filename }) => filename));
  if (joined.length > 0 && joined.every((path) => fetched.has(path))) {
    add({ name: JOINED_INITRD, joined });
  }
  // A part of an image cannot be served, and image.toml would name files that
  // are missing.
  if (taken.every((path) => fetched.has(path))) add(imageFile(manifest));
  const made = new Set(extras.map(({ name }) => name));
  return {
    extras,
    ...made.has(JOINED_INITRD) && { initrd: JOINED_INITRD },
    ...made.has(RESOLVED_CMDLINE) && { cmdline: RESOLVED_CMDLINE },
    warnings,
  };
}

/**
 * The `image.toml` by which a provider of the directory finds the kernel of an
 * image, whatever its files are called. That of its owner is not published.
 */
export function imageFile(
  manifest: Pick<BootManifest, "kernel" | "initramfs" | "rootfs" | "initrds">,
): ExtraFile {
  const { kernel, rootfs } = manifest;
  // A checked path has nothing that JSON and TOML write differently.
  const toml = (path: string) => JSON.stringify(path);
  const lines = [
    "# As the signed manifest.json has it.",
    `kernel = ${toml(kernel.filename)}`,
    `initramfs = [${initrdPaths(manifest).map(toml).join(", ")}]`,
    ...rootfs === undefined ? [] : [`rootfs = ${toml(rootfs.filename)}`],
    "",
  ];
  return {
    name: "image.toml",
    bytes: new TextEncoder().encode(lines.join("\n")),
  };
}

/** The files that make the initial file system of a kernel, in load order. */
export function initrdPaths(
  { initramfs, initrds }: Pick<BootManifest, "initramfs" | "initrds">,
): readonly string[] {
  return initrds.length > 0 || initramfs === undefined
    ? initrds
    : [initramfs.filename];
}
