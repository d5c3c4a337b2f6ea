import type { FileSystem } from "./file_system.ts";

/**
 * Moves a file that cannot be read out of the way, so that it can be looked at
 * and another can be made. Of several only the last is kept.
 *
 * @returns where it lies now
 */
export async function setAside(
  path: string,
  fileSystem: FileSystem,
): Promise<string> {
  const aside = `${path}.damaged`;
  await fileSystem.rename(path, aside);
  return aside;
}
