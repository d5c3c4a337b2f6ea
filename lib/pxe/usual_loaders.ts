import type { FileSystem } from "../core/file_system.ts";

/** Where packages of iPXE put it: Debian's and Ubuntu's, Fedora's and Arch's. */
const USUAL = ["/usr/lib/ipxe", "/usr/share/ipxe"] as const;

/**
 * The directory of boot loaders, where the settings name none.
 *
 * @returns the first that is there; where none is, the one to be missed
 */
export async function usualLoaders(
  fileSystem: Pick<FileSystem, "realPath">,
): Promise<string> {
  for (const path of USUAL) {
    const isThere = await fileSystem.realPath(path).then(
      () => true,
      () => false,
    );
    if (isThere) return path;
  }
  return USUAL[0];
}
