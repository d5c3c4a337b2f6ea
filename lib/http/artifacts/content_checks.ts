import { BoundedMap } from "../../core/bounded_map.ts";
import type { FileInfo, OpenFile } from "../../core/file_system.ts";
import { fileIdentity, readContent } from "../../scan/digest.ts";
import type { HashedArtifact } from "../../scan/image_files.ts";

/** Files in the place of others, of which the verdict is remembered. */
const MAX_VERDICTS = 1000;

/**
 * Finds out whether files that look different from those that were hashed have
 * the same content. Each is read once, for all that ask, however often.
 */
export class ContentChecks {
  readonly #verdicts = new BoundedMap<string, Promise<boolean>>(
    MAX_VERDICTS,
    "forget oldest",
  );

  /**
   * Whether an open file has the content that was hashed.
   *
   * @param file is read to its end by the first call for it; later ones leave it
   * alone
   * @param info of the file
   */
  hasSameContent(
    artifact: HashedArtifact,
    file: OpenFile,
    info: FileInfo,
  ): Promise<boolean> {
    const key = `${artifact.sha256} ${fileIdentity(info)}`;
    const known = this.#verdicts.get(key);
    if (known !== undefined) return known;
    const borrowed: OpenFile = { ...file, [Symbol.dispose]() {} };
    const verdict = readContent(
      { ...artifact, info },
      { open: () => Promise.resolve(borrowed) },
      { signal: new AbortController().signal },
    ).then(({ sha256 }) => sha256 === artifact.sha256, () => false);
    this.#verdicts.set(key, verdict);
    return verdict;
  }
}
