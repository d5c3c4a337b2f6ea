import { ok, refuse, type Result } from "../core/result.ts";
import { printable } from "../core/printable.ts";
import { artifactFiles } from "./digest.ts";
import type { HashedImage } from "./image_files.ts";

/** As `sha256sum` writes it, and with `--tag`, as BSD does. */
const GNU_LINE = /^\\?([0-9a-f]{64}) [ *](.+)$/i;
const BSD_LINE = /^SHA256 \((.+)\) = ([0-9a-f]{64})$/i;

/**
 * Reads a list of SHA-256 digests of files, by path relative to the list.
 *
 * @param text of a file such as SHA256SUMS
 */
export function parseChecksums(text: string): Result<Map<string, string>> {
  const digests = new Map<string, string>();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const [, gnuHex, gnuName] = GNU_LINE.exec(line) ?? [];
    const [, bsdName, bsdHex] = BSD_LINE.exec(line) ?? [];
    const name = (gnuName ?? bsdName)?.replace(/^(\.\/)+/, "");
    const hex = (gnuHex ?? bsdHex)?.toLowerCase();
    if (name === undefined || hex === undefined) {
      return refuse(
        `its line ${index + 1} is not a SHA-256 digest and a name: "${
          printable(line, 60)
        }"`,
      );
    }
    if ((digests.get(name) ?? hex) !== hex) {
      return refuse(`it lists "${printable(name, 80)}" twice`);
    }
    digests.set(name, hex);
  }
  return digests.size === 0 ? refuse("it lists nothing") : ok(digests);
}

/**
 * Why an image does not match the list that comes with it: one clause.
 *
 * @returns undefined when all that it lists and that is there matches
 */
export function checksumProblem(image: HashedImage): string | undefined {
  if (image.checksums === undefined) return undefined;
  const { filename, sha256ByPath } = image.checksums;
  const wrong = artifactFiles(image).find((file) => {
    const expected = sha256ByPath.get(file.filename);
    return expected !== undefined && expected !== file.sha256;
  });
  return wrong === undefined
    ? undefined
    : `"${wrong.filename}" does not match its digest in "${filename}"; is it still being copied?`;
}
