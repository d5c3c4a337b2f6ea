import { join, sep } from "node:path";
import { type ChannelArch, formatChannelArch } from "../core/channel_arch.ts";
import {
  type DirectoryEntry,
  type FileInfo,
  FileNotFoundError,
  type FileSystem,
  SystemLimitError,
} from "../core/file_system.ts";
import { messageOf, printable } from "../core/printable.ts";
import { ok, refuse, type Result } from "../core/result.ts";
import {
  artifactRoles,
  type IgnoredName,
  isExactName,
  isLastResort,
} from "./artifact_roles.ts";
import type { ArtifactFile, ImageFiles } from "./image_files.ts";

/** An image directory to look into. */
export interface ImageDirectory {
  /** Which image it should hold. */
  readonly image: ChannelArch;
  /** Where to look. */
  readonly directory: string;
  /** Links must not lead out of this directory; its own links are resolved. */
  readonly realRoot: string;
}

/** What a directory holds. */
export interface ReadImageResult {
  /** Undefined: no usable kernel. */
  readonly files: ImageFiles | undefined;
  /** What was passed over and why. */
  readonly warnings: readonly string[];
}

/** The kernel's own limit is 4 KiB at most on the architectures we serve. */
const MAX_CMDLINE_LENGTH = 4096;
const MAX_VERSION_LENGTH = 64;
const MAX_NAMES_WITH_ONE_REASON = 10;
const MANIFEST_NAME = "manifest.json";

/** What the files of one directory are looked up in. */
interface Scope {
  /** With every link resolved. */
  readonly directory: string;
  readonly realRoot: string;
  /** What the directory lists, links not followed. */
  readonly kinds: ReadonlyMap<string, FileInfo["kind"]>;
  readonly fileSystem: FileSystem;
  readonly warn: (warning: string) => void;
}

/**
 * Reads one image directory: which file plays which role, and what the small
 * text files say. Never throws for what is on disk.
 *
 * @throws SystemLimitError
 */
export async function readImage(
  { image, directory, realRoot }: ImageDirectory,
  fileSystem: FileSystem,
): Promise<ReadImageResult> {
  const warnings: string[] = [];
  const warn = (warning: string) => void warnings.push(warning);
  let scope: Scope;
  try {
    const realDirectory = await fileSystem.realPath(directory);
    if (!isInside(realDirectory, realRoot)) {
      warn(`Ignoring "${directory}": ${leaves(realDirectory, realRoot)}`);
      return { files: undefined, warnings };
    }
    const entries = await fileSystem.list(realDirectory);
    for (const warning of specialFileWarnings(entries, directory)) {
      warn(warning);
    }
    const kinds = new Map(
      entries
        .filter(({ kind }) => kind === "file" || kind === "symlink")
        .map(({ name, kind }) => [name, kind]),
    );
    scope = { directory: realDirectory, realRoot, kinds, fileSystem, warn };
  } catch (error) {
    if (error instanceof SystemLimitError) throw error;
    if (!(error instanceof FileNotFoundError)) {
      warn(`${messageOf(error)}; ${formatChannelArch(image)} is not offered`);
    }
    return { files: undefined, warnings };
  }
  const roles = artifactRoles(scope.kinds.keys());
  for (const warning of ignoredWarnings(roles.ignored, directory)) {
    warn(warning);
  }
  const kernel = await firstUsable(roles.kernel, "kernel", scope);
  if (kernel === undefined) return { files: undefined, warnings };
  const initramfs = await firstUsable(roles.initramfs, "initramfs", scope);
  const rootfs = await firstUsable(roles.rootfs, "rootfs", scope);
  const dtbs: ArtifactFile[] = [];
  for (const name of roles.dtbs) {
    const dtb = await readArtifact(name, scope);
    if (dtb !== undefined) dtbs.push(dtb);
  }
  const cmdline = await readNote("cmdline", MAX_CMDLINE_LENGTH, scope);
  const version = await readNote("version", MAX_VERSION_LENGTH, scope);
  return {
    files: {
      image,
      directory,
      kernel,
      ...initramfs && { initramfs },
      ...rootfs && { rootfs },
      dtbs,
      ...cmdline !== undefined && { cmdline },
      ...version !== undefined && { version },
      ...scope.kinds.has(MANIFEST_NAME) &&
        { manifestPath: join(directory, MANIFEST_NAME) },
    },
    warnings,
  };
}

/**
 * What is said of the FIFOs, sockets and devices in a directory, none of which
 * is ever opened.
 *
 * @param directory as it was found, for messages
 */
export function specialFileWarnings(
  entries: readonly DirectoryEntry[],
  directory: string,
): string[] {
  const reason = "it is not a regular file";
  return ignoredWarnings(
    entries.filter(({ kind }) => kind === "other")
      .map(({ name }) => ({ name, reason })),
    directory,
  );
}

/** One line for each name, or for all that there are many of. */
function ignoredWarnings(
  ignored: readonly IgnoredName[],
  directory: string,
): string[] {
  const byReason = Map.groupBy(ignored, ({ reason }) => reason);
  return [...byReason].flatMap(([reason, names]) =>
    names.length > MAX_NAMES_WITH_ONE_REASON
      // Without a name or a number, which would be news with every look.
      ? [`Ignoring many files in "${directory}", each for this: ${reason}`]
      : names.map(({ name }) =>
        `Ignoring "${join(directory, printable(name, 64))}": ${reason}`
      )
  );
}

async function firstUsable(
  names: readonly string[],
  role: string,
  scope: Scope,
): Promise<ArtifactFile | undefined> {
  for (const [index, name] of names.entries()) {
    const file = await readArtifact(name, scope);
    if (file === undefined) continue;
    const others = names.slice(index + 1)
      .filter((other) => isLastResort(name) || !isLastResort(other));
    if (others.length > 0 && !isExactName(name)) {
      scope.warn(
        `Several files could be the ${role} in "${scope.directory}": using ` +
          `"${name}", ignoring ${others.map((n) => `"${n}"`).join(", ")}`,
      );
    }
    return file;
  }
  return undefined;
}

/** A file that can be served, or a warning. */
async function readArtifact(
  name: string,
  scope: Scope,
): Promise<ArtifactFile | undefined> {
  const path = join(scope.directory, name);
  const result = await resolveFile(name, scope);
  if (!result.ok) {
    scope.warn(`Ignoring "${path}": ${result.reason}`);
    return undefined;
  }
  if (result.value.info.sizeBytes === 0) {
    scope.warn(`Ignoring "${path}": it is empty`);
    return undefined;
  }
  return { filename: name, ...result.value };
}

/** A regular, readable file inside the root, with every link resolved. */
async function resolveFile(
  name: string,
  { directory, realRoot, kinds, fileSystem }: Scope,
): Promise<Result<{ path: string; info: FileInfo }>> {
  try {
    let path = join(directory, name);
    let kind = kinds.get(name);
    if (kind === "symlink") {
      path = await fileSystem.realPath(path);
      if (!isInside(path, realRoot)) {
        return refuse(`${leaves(path, realRoot)}; copy the file instead`);
      }
      kind = (await fileSystem.stat(path)).kind;
    }
    // Decided before it is opened: opening a FIFO would wait for a writer.
    if (kind !== "file") return refuse("it is not a regular file");
    using file = await fileSystem.open(path, { isRegular: true });
    return ok({ path, info: file.info() });
  } catch (error) {
    if (error instanceof SystemLimitError) throw error;
    return refuse(messageOf(error));
  }
}

/** The text of `cmdline` or `version`, its white space folded. */
async function readNote(
  name: string,
  maxLength: number,
  scope: Scope,
): Promise<string | undefined> {
  if (!scope.kinds.has(name)) return undefined;
  const path = join(scope.directory, name);
  const text = await readNoteText(name, maxLength, scope);
  if (text.ok) return text.value === "" ? undefined : text.value;
  scope.warn(`Ignoring "${path}": ${text.reason}`);
  return undefined;
}

async function readNoteText(
  name: string,
  maxLength: number,
  scope: Scope,
): Promise<Result<string>> {
  const file = await resolveFile(name, scope);
  if (!file.ok) return file;
  const tooLong = refuse(`it is longer than ${maxLength} characters`);
  if (file.value.info.sizeBytes > maxLength * 4) return tooLong;
  try {
    const text = (await scope.fileSystem.readText(file.value.path))
      .trim().replace(/\s+/g, " ");
    if (text.length > maxLength) return tooLong;
    return /[\p{Cc}\p{Cs}\uFFFD]/u.test(text)
      ? refuse("it is not plain text")
      : ok(text);
  } catch (error) {
    if (error instanceof SystemLimitError) throw error;
    return refuse(messageOf(error));
  }
}

function isInside(path: string, root: string): boolean {
  return path === root ||
    path.startsWith(root.endsWith(sep) ? root : `${root}${sep}`);
}

function leaves(realPath: string, realRoot: string): string {
  return `it links to "${realPath}", outside "${realRoot}"`;
}
