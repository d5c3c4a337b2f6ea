import { refuse, type Result } from "../core/result.ts";

/**
 * Paths below an image's URL that a provider generates itself; a file of the
 * same name is available by its digest only.
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

/**
 * Whether a provider answers at this path with something of its own. Case does
 * not matter in paths.
 */
function isGeneratedPath(path: string): boolean {
  return GENERATED_PATHS.has(path.toLowerCase());
}

/**
 * The name of a file among the artifacts of its image: its path, with `./` in
 * front where it equals the name of a role.
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

/**
 * The file that a name stands for: by role (`kernel`) or by its path in the
 * image (`vmlinuz`, `dtbs/a.dtb`), in any case where no other file has that
 * path exactly.
 *
 * @param artifacts by role, as `artifactsByRole()` has them
 */
export function artifactNamed<A extends { readonly filename: string }>(
  artifacts: ReadonlyMap<string, A>,
  name: string,
): A | undefined {
  const files = [...artifacts.values()];
  const lowerCase = name.toLowerCase();
  return artifacts.get(name) ??
    files.find(({ filename }) => filename === name) ??
    artifacts.get(lowerCase) ??
    files.find(({ filename }) => filename.toLowerCase() === lowerCase);
}
