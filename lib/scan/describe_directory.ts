import { join } from "node:path";
import { artifactRoles } from "./artifact_roles.ts";
import type { ArtifactFile } from "./image_files.ts";
import { isDeviceTree, nameRank, neverPlays } from "./role_names.ts";

/** The contents of a directory in which no file is named like a kernel. */
export interface UnbootableDirectory {
  /** Paths, sorted, at most {@linkcode MAX_SHOWN_NAMES}. */
  readonly names: readonly string[];
  /** How many files there are. */
  readonly count: number;
  /** Lines of an `image.toml` that may make it an image. */
  readonly suggestion: readonly string[];
}

/** A log line shows no more. */
export const MAX_SHOWN_NAMES = 5;

/**
 * Says what a directory without a kernel holds and what may be its kernel: one
 * in a directory below, else its largest file, for the operator to judge.
 *
 * @returns undefined when it holds nothing
 */
export function describeDirectory(
  files: ReadonlyMap<string, ArtifactFile>,
): UnbootableDirectory | undefined {
  const [...paths] = files.keys();
  if (paths.length === 0) return undefined;
  return {
    names: paths.slice(0, MAX_SHOWN_NAMES),
    count: paths.length,
    suggestion: suggest(files),
  };
}

/** The same as one clause, for the log. */
export function describeUnbootable(
  directory: string,
  { names, count, suggestion }: UnbootableDirectory,
): string {
  const shown = names.map((name) => `"${name}"`).join(", ");
  const more = count > names.length
    ? ` and ${count - names.length} more files`
    : "";
  const file = join(directory, "image.toml");
  return `"${directory}" holds ${shown}${more}, and no file that is named like a kernel; name the kernel in "${file}": ${
    suggestion.join("; ")
  }`;
}

function suggest(files: ReadonlyMap<string, ArtifactFile>): string[] {
  const byDirectory = Map.groupBy(
    [...files.values()].filter(({ info }) => info.sizeBytes > 0),
    ({ filename }) => filename.slice(0, filename.lastIndexOf("/") + 1),
  );
  for (const [directory, inside] of byDirectory) {
    const names = inside.map(({ filename }) =>
      filename.slice(directory.length)
    );
    const { kernel, initramfs, initrds, rootfs } = artifactRoles(names);
    if (kernel === undefined) continue;
    const quote = (name: string) => JSON.stringify(`${directory}${name}`);
    return [
      `kernel = ${quote(kernel)}`,
      ...initrds.length > 0
        ? [`initramfs = [${initrds.map(quote).join(", ")}]`]
        : initramfs !== undefined
        ? [`initramfs = ${quote(initramfs)}`]
        : [],
      ...rootfs === undefined ? [] : [`rootfs = ${quote(rootfs)}`],
    ];
  }
  const [largest] = [...files.values()].filter(({ filename }) => {
    const name = filename.split("/").at(-1) ?? "";
    return neverPlays(name, "kernel") === undefined && !isDeviceTree(name) &&
      nameRank(name, "initramfs") === undefined &&
      nameRank(name, "rootfs") === undefined;
  }).sort((a, b) => b.info.sizeBytes - a.info.sizeBytes);
  return [`kernel = ${JSON.stringify(largest?.filename ?? "FILE")}`];
}
