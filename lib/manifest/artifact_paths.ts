import { refuse, type Result } from "../core/result.ts";

/** The same names that a scan takes: they fit a URL path and a boot script. */
const ROLE_NAME = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,254}$/;
/** Of a file that plays no role, or of a directory: they fit a URL path. */
const FILE_NAME = /^[A-Za-z0-9_][A-Za-z0-9._+~@,=-]{0,254}$/;
const MAX_PATH_LENGTH = 512;

/** Names of files that are still being written, or that lie beside them. */
const RESERVED_NAME = /(\.part|\.tmp|~)$/i;

/**
 * Paths below an image's URL at which a provider answers itself, so that a file
 * of that name can only be had by its digest.
 */
const GENERATED_PATHS = new Set([
  "manifest.json",
  "boot.ipxe",
  "grub.cfg",
  "kernel",
  "kernel.efi",
  "initramfs",
  "rootfs",
]);

/** Whether a path is safe to create below a directory of one's own. */
export function isArtifactPath(path: string): boolean {
  const parts = path.split("/");
  return path.length <= MAX_PATH_LENGTH && path !== "manifest.json" &&
    parts.every((part) => FILE_NAME.test(part) && !RESERVED_NAME.test(part));
}

/** The same for a file that a boot script names. */
export function isRolePath(path: string): boolean {
  return isArtifactPath(path) &&
    path.split("/").every((part) => ROLE_NAME.test(part));
}

/**
 * Whether a provider answers at this path with something of its own. Case does
 * not matter in paths.
 */
function isGeneratedPath(path: string): boolean {
  return GENERATED_PATHS.has(path.toLowerCase());
}

/**
 * What a file is called among the roles of its image: its path, or with `./` in
 * front of it where that is the name of a role.
 */
export function roleOfPath(path: string): string {
  return isGeneratedPath(path) ? `./${path}` : path;
}

/**
 * Relative references to a file, the content-addressed one last, which always
 * works.
 *
 * @param role what the file is besides its path
 */
export function artifactReferences(
  path: string,
  sha256: string,
  role?: "kernel" | "initramfs" | "rootfs",
): string[] {
  const blob = `/blobs/sha256/${sha256}`;
  const isOwn = path === role || (role === "kernel" && path === "kernel.efi");
  return isGeneratedPath(path) && !isOwn
    ? [blob]
    : [path.split("/").map(encodeURIComponent).join("/"), blob];
}

/**
 * Checks that all paths can lie in one directory: none twice, and none a
 * directory of another.
 */
export function checkPaths(paths: readonly string[]): Result<void> {
  const all = new Set(paths);
  if (all.size !== paths.length) {
    return refuse("made of files with different names");
  }
  for (const path of paths) {
    for (
      let end = path.lastIndexOf("/");
      end > 0;
      end = path.lastIndexOf("/", end - 1)
    ) {
      if (all.has(path.slice(0, end))) {
        return refuse("free of files that are directories as well");
      }
    }
  }
  return { ok: true, value: undefined };
}
