import { join, sep } from "node:path";
import {
  type DirectoryEntry,
  type FileInfo,
  type FileSystem,
  SystemLimitError,
} from "../core/file_system.ts";
import {
  isArtifactPath,
  isRolePath,
  PARTIAL_NAME,
} from "../core/artifact_path.ts";
import { orReason } from "../core/or_reason.ts";
import { messageOf, printable } from "../core/printable.ts";
import { ok, refuse, type Result } from "../core/result.ts";
import type { ArtifactFile } from "./image_files.ts";
import { isSecretName } from "./private_keys.ts";
import { nameRank } from "./role_names.ts";

/** Deeper directories are skipped. */
const MAX_DEPTH = 8;
/** Twice as many as fit into a manifest. */
const MAX_FILES = 4096;
const MAX_NAMES_WITH_ONE_REASON = 10;

/**
 * What stands in an image directory for the program, and is no part of it; the
 * last two are made by `phase_discover --fetch`.
 */
const NOTES = new Set([
  ...["cmdline", "version", "manifest.json", "image.toml"],
  ...["cmdline.resolved", "initrd.kexec"],
]);

/** Where the files of one image are. */
export interface ImageScope {
  /** As it was found, for messages. */
  readonly directory: string;
  /** The same, with every link resolved. */
  readonly realDirectory: string;
  /** Links must not lead out of this directory; its own links are resolved. */
  readonly realRoot: string;
  /** Directories of ours, resolved, of which nothing is ever published. */
  readonly ownDirectories: readonly string[];
  /** The disk. */
  readonly fileSystem: FileSystem;
}

/** What an image directory holds. */
export interface ImageListing {
  /**
   * Regular files that can be read, by path relative to the directory: those of
   * the directory itself first, then those below, each sorted.
   */
  readonly files: ReadonlyMap<string, ArtifactFile>;
  /** The files in the directory that are for the program: `cmdline`, ... */
  readonly notes: ReadonlyMap<string, DirectoryEntry["kind"]>;
  /** What the links among them lead to, resolved. */
  readonly reaches: readonly string[];
  /** What was passed over and why: whole sentences for the log. */
  readonly warnings: readonly string[];
}

/** A file that is passed over. */
export interface IgnoredPath {
  /** Relative to the image's directory; not fit for a log line. */
  readonly path: string;
  /** One clause, for a warning. */
  readonly reason: string;
}

/** A directory that is to be listed. */
interface Waiting {
  /** Relative, empty for the image directory itself. */
  readonly path: string;
  readonly realPath: string;
  /** The directories it is in, resolved: links must not lead back to one. */
  readonly above: readonly string[];
}

/**
 * Lists the files of an image directory and of those below it.
 *
 * @throws FileNotFoundError, FileAccessError when the directory itself cannot
 * be listed; SystemLimitError
 */
export async function listImage(scope: ImageScope): Promise<ImageListing> {
  const walk = new Walk(scope);
  await walk.run();
  return {
    files: walk.files,
    notes: walk.notes,
    reaches: [...walk.reaches],
    warnings: [
      ...ignoredWarnings(walk.ignored, scope.directory),
      ...walk.isCut
        ? [
          `Ignoring files below "${scope.directory}": there are more than ${MAX_FILES}, or more than ${MAX_DEPTH} nested directories; say in image.toml which are part of the image`,
        ]
        : [],
    ],
  };
}

/**
 * Warns of the FIFOs, sockets and devices in a directory, none of which is ever
 * opened.
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
      .map(({ name }) => ({ path: name, reason })),
    directory,
  );
}

/**
 * A regular, readable file inside the root, with every link resolved.
 *
 * @param path relative to the directory
 * @throws SystemLimitError
 */
export async function resolveFile(
  path: string,
  listed: DirectoryEntry["kind"] | undefined,
  { realDirectory, realRoot, ownDirectories, fileSystem }: ImageScope,
): Promise<Result<{ path: string; info: FileInfo }>> {
  try {
    let real = join(realDirectory, path);
    let kind = listed;
    if (kind === "symlink") {
      real = await fileSystem.realPath(real);
      const problem = outside(real, realRoot, ownDirectories);
      if (problem !== undefined) {
        return refuse(`${problem}; copy the file instead`);
      }
      if (isSecretName(real)) return refuse("it links to a private key");
      kind = (await fileSystem.stat(real)).kind;
    }
    // Decided before it is opened: opening a FIFO would wait for a writer.
    if (kind !== "file") return refuse("it is not a regular file");
    using file = await fileSystem.open(real, { isRegular: true });
    return ok({ path: real, info: file.info() });
  } catch (error) {
    if (error instanceof SystemLimitError) throw error;
    return refuse(messageOf(error));
  }
}

/** Why a resolved path is not ours to publish, if it is not. */
export function outside(
  path: string,
  realRoot: string,
  ownDirectories: readonly string[],
): string | undefined {
  if (!isInside(path, realRoot)) {
    return `it links to "${printable(path)}", outside "${realRoot}"`;
  }
  return ownDirectories.some((own) => isInside(path, own))
    ? "it is part of the state directory"
    : undefined;
}

class Walk {
  readonly files = new Map<string, ArtifactFile>();
  readonly notes = new Map<string, DirectoryEntry["kind"]>();
  readonly reaches = new Set<string>();
  readonly ignored: IgnoredPath[] = [];
  isCut = false;
  readonly #scope: ImageScope;
  readonly #waiting: Waiting[] = [];

  constructor(scope: ImageScope) {
    this.#scope = scope;
  }

  async run(): Promise<void> {
    const { realDirectory, fileSystem } = this.#scope;
    const top = { path: "", realPath: realDirectory, above: [] };
    await this.#entries(top, await fileSystem.list(realDirectory));
    for (
      let next = this.#waiting.shift();
      next !== undefined && !this.isCut;
      next = this.#waiting.shift()
    ) {
      const entries = await orReason(fileSystem.list(next.realPath));
      if (entries.ok) await this.#entries(next, entries.value);
      else this.#ignore(next.path, entries.reason);
    }
  }

  async #entries(
    directory: Waiting,
    entries: readonly DirectoryEntry[],
  ): Promise<void> {
    const sorted = entries.toSorted((a, b) => a.name < b.name ? -1 : 1);
    for (const { name, kind } of sorted) {
      const path = directory.path === "" ? name : `${directory.path}/${name}`;
      if (kind === "symlink") await this.#reach(path);
      if (directory.path === "" && NOTES.has(name) && kind !== "directory") {
        if (kind !== "other") this.notes.set(name, kind);
        else this.#ignore(path, "it is not a regular file");
        continue;
      }
      const reason = reasonToIgnore(name, path);
      if (reason !== undefined) this.#ignore(path, reason);
      else if (kind === "directory") await this.#enter(path, directory);
      else if (this.files.size >= MAX_FILES) this.isCut = true;
      else await this.#file(path, kind, directory);
      if (this.isCut) return;
    }
  }

  async #file(
    path: string,
    kind: DirectoryEntry["kind"],
    directory: Waiting,
  ): Promise<void> {
    const { fileSystem, realDirectory } = this.#scope;
    if (kind === "symlink") {
      const target = await fileSystem.stat(join(realDirectory, path))
        .catch(rethrowLimit);
      if (target?.kind === "directory") {
        return await this.#enter(path, directory);
      }
    }
    const result = await resolveFile(path, kind, this.#scope);
    if (!result.ok) return this.#ignore(path, result.reason);
    const isRole = !path.includes("/") &&
      (["kernel", "initramfs", "rootfs"] as const)
        .some((role) => nameRank(path, role) !== undefined);
    if (!(isRole ? isRolePath : isArtifactPath)(path)) {
      return this.#ignore(
        path,
        "its name has characters outside A-Z a-z 0-9 . _ + -",
      );
    }
    this.files.set(path, { filename: path, ...result.value });
  }

  /** Takes note of where a link leads; to nowhere yet: anywhere. */
  async #reach(path: string): Promise<void> {
    const { fileSystem, realDirectory } = this.#scope;
    const link = join(realDirectory, path);
    const real = await fileSystem.realPath(link).catch(rethrowLimit);
    this.reaches.add(real ?? "/");
  }

  async #enter(path: string, { realPath, above }: Waiting): Promise<void> {
    const { fileSystem, realDirectory, realRoot, ownDirectories } = this.#scope;
    const real = await fileSystem.realPath(join(realDirectory, path))
      .catch(rethrowLimit);
    if (real === undefined) return this.#ignore(path, "it cannot be resolved");
    const problem = outside(real, realRoot, ownDirectories);
    if (problem !== undefined) return this.#ignore(path, problem);
    const higher = [...above, realPath];
    if (higher.includes(real)) {
      return this.#ignore(
        path,
        "it leads back to a directory that contains it",
      );
    }
    if (higher.length > MAX_DEPTH) this.isCut = true;
    else this.#waiting.push({ path, realPath: real, above: higher });
  }

  #ignore(path: string, reason: string): void {
    this.ignored.push({ path, reason });
  }
}

function reasonToIgnore(name: string, path: string): string | undefined {
  if (name.startsWith(".")) return "it is a dot file";
  if (PARTIAL_NAME.test(name)) return "it is a partial file";
  if (isSecretName(path)) return "it is named like a private key";
  return undefined;
}

/** One line for each name, or for all that there are many of. */
export function ignoredWarnings(
  ignored: readonly IgnoredPath[],
  directory: string,
): string[] {
  const byReason = Map.groupBy(ignored, ({ reason }) => reason);
  return [...byReason].flatMap(([reason, names]) =>
    names.length > MAX_NAMES_WITH_ONE_REASON
      // Without a name or a number, which would be news at every look.
      ? [
        `Ignoring many files in "${directory}", each for this reason: ${reason}`,
      ]
      : names.map(({ path }) =>
        `Ignoring "${join(directory, printable(path, 64))}": ${reason}`
      )
  );
}

function rethrowLimit(error: unknown): undefined {
  if (error instanceof SystemLimitError) throw error;
  return undefined;
}

function isInside(path: string, root: string): boolean {
  return path === root ||
    path.startsWith(root.endsWith(sep) ? root : `${root}${sep}`);
}
