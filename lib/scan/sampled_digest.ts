import type { FileSystem } from "../core/file_system.ts";
import {
  type ContentSample,
  hasSample,
  SampleTaker,
} from "./content_sample.ts";
import { digestFile, type ReadOptions } from "./digest.ts";
import { timesTell } from "./file_times.ts";
import type { ArtifactFile, FileContent } from "./image_files.ts";

/**
 * Digests a file for the cache; where its times will not show whether it has
 * changed, it takes a sample as well.
 *
 * @param options.kind of file system that it is on; undefined: not known
 * @throws FileChangedError, or the disk's error
 */
export async function digestWithSample(
  file: ArtifactFile,
  fileSystem: Pick<FileSystem, "open">,
  { kind, ...options }: ReadOptions & { readonly kind: number | undefined },
): Promise<FileContent> {
  if (timesTell(kind, file.info)) {
    return await digestFile(file, fileSystem, options);
  }
  const taker = new SampleTaker(file.info.sizeBytes);
  const content = await digestFile(file, fileSystem, {
    ...options,
    sample: taker,
  });
  return { ...content, sample: taker.finish() };
}

/**
 * Whether a file still has the blocks that were sampled.
 *
 * @throws the disk's error
 */
export async function stillHasSample(
  { path, info }: ArtifactFile,
  sample: ContentSample,
  fileSystem: Pick<FileSystem, "open">,
): Promise<boolean> {
  using opened = await fileSystem.open(path);
  return await hasSample(opened, sample, info.sizeBytes);
}
