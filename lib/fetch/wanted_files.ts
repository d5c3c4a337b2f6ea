import { ok, refuse, type Result } from "../core/result.ts";
import { printable } from "../core/printable.ts";
import { artifactNamed } from "../manifest/artifact_paths.ts";
import {
  type Artifact,
  artifactsByRole,
  type BootManifest,
} from "../manifest/boot_manifest.ts";
import { initrdPaths } from "./by_products.ts";
import type { FileToFetch } from "./fetch_image.ts";

/** A file to fetch, and its use. */
export interface WantedFile {
  /** As a manifest promises it. */
  readonly artifact: Artifact;
  /** `initramfs` is each that is loaded as such. */
  readonly role: "kernel" | "initramfs" | "rootfs" | "dtb" | "file";
}

/** A message says no more names than that. */
const MAX_LISTED_NAMES = 20;

/**
 * The files of an image that are wanted, each once, in the order of the
 * manifest.
 *
 * @param names `kernel`, `initramfs` (with what is loaded before it), `rootfs`,
 * `dtbs`, or paths; none: all
 * @returns why not, with what there is
 */
export function wantedFiles(
  manifest: BootManifest,
  names: readonly string[],
): Result<readonly WantedFile[]> {
  const all = filesOf(manifest);
  if (names.length === 0) return ok(all);
  const wanted = new Set<string>();
  for (const name of names) {
    const paths = pathsNamed(manifest, name);
    if (paths.length === 0) {
      return refuse(
        `the image has no "${printable(name, 80)}"; it has ${
          namesOf(manifest)
        }`,
      );
    }
    for (const path of paths) wanted.add(path);
  }
  return ok(all.filter(({ artifact }) => wanted.has(artifact.filename)));
}

/** A file of an image, for `fetchImage()`. */
export function fileToFetch({ filename, ...file }: Artifact): FileToFetch {
  return { path: filename, ...file };
}

function filesOf(manifest: BootManifest): WantedFile[] {
  const { kernel, initramfs, rootfs, dtbs, files } = manifest;
  const initrds = new Set(initrdPaths(manifest));
  const of = (role: WantedFile["role"], artifact: Artifact | undefined) =>
    artifact === undefined ? [] : [{ role, artifact }];
  return [
    ...of("kernel", kernel),
    ...of("initramfs", initramfs),
    ...of("rootfs", rootfs),
    ...dtbs.flatMap((tree) => of("dtb", tree)),
    ...files.flatMap((file) =>
      of(initrds.has(file.filename) ? "initramfs" : "file", file)
    ),
  ];
}

function pathsNamed(manifest: BootManifest, name: string): readonly string[] {
  if (name === "initramfs") return initrdPaths(manifest);
  if (name === "dtbs") return manifest.dtbs.map(({ filename }) => filename);
  const found = artifactNamed(artifactsByRole(manifest), name);
  return found === undefined ? [] : [found.filename];
}

function namesOf(manifest: BootManifest): string {
  const names = [...artifactsByRole(manifest)].map(([role, { filename }]) =>
    role === filename ? role : `${role} (${filename})`
  );
  const more = names.length - MAX_LISTED_NAMES;
  return [
    ...names.slice(0, MAX_LISTED_NAMES),
    ...more > 0 ? [`${more} more`] : [],
  ].join(", ");
}
