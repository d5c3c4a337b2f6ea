import { join } from "node:path";
import { type ImageFile, parseImageFile } from "../config/image_file.ts";
import { type ChannelArch, formatChannelArch } from "../core/channel_arch.ts";
import {
  FileNotFoundError,
  type FileSystem,
  SystemLimitError,
} from "../core/file_system.ts";
import { messageOf } from "../core/printable.ts";
import { ok, refuse, type Result } from "../core/result.ts";
import type { RoleChoice } from "./artifact_roles.ts";
import { parseChecksums } from "./checksums.ts";
import {
  describeDirectory,
  describeUnbootable,
  type UnbootableDirectory,
} from "./describe_directory.ts";
import type { ArtifactFile, Checksums, ImageFiles } from "./image_files.ts";
import {
  type IgnoredPath,
  ignoredWarnings,
  type ImageListing,
  type ImageScope,
  listImage,
  outside,
} from "./image_listing.ts";
import { isDeviceTree, type NamedRole, nameRank } from "./role_names.ts";
import { PrivateKeyCheck } from "./private_keys.ts";
import { readNote, readNoteText } from "./image_notes.ts";
import { type SelectedFiles, selectFiles } from "./select_files.ts";

/** An image directory to look into. */
export interface ImageDirectory {
  /** Which image it should hold. */
  readonly image: ChannelArch;
  /** Where to look. */
  readonly directory: string;
  /** Links must not lead out of this directory; its own links are resolved. */
  readonly realRoot: string;
  /**
   * Directories of ours, with every link resolved: nothing in them is read.
   * @default none
   */
  readonly ownDirectories?: readonly string[];
}

/** What was found in a directory. */
export interface ReadImageResult {
  /** Undefined: no image can be offered. */
  readonly files: ImageFiles | undefined;
  /** How each role came to its file; empty without an image. */
  readonly choices: readonly RoleChoice[];
  /** Its contents, if no file there is named like a kernel. */
  readonly unbootable?: UnbootableDirectory;
  /** What was passed over and why. */
  readonly warnings: readonly string[];
  /** The directory, and what the links in it lead to, with links resolved. */
  readonly reaches: readonly string[];
}

const MAX_IMAGE_FILE_LENGTH = 64 * 1024;
const MAX_CHECKSUMS_LENGTH = 1024 * 1024;

/** Stops the reading of an image that must not be offered. */
class WithheldError extends Error {}

/**
 * Reads one image directory: which file plays which role, and what the small
 * text files say. Never throws for what is on disk.
 *
 * @param privateKeys remembers which files hold private keys
 * @throws SystemLimitError
 */
export async function readImage(
  directory: ImageDirectory,
  fileSystem: FileSystem,
  privateKeys: PrivateKeyCheck = new PrivateKeyCheck(),
): Promise<ReadImageResult> {
  const warnings: string[] = [];
  const reaches: string[] = [];
  const name = formatChannelArch(directory.image);
  const nothing = { files: undefined, choices: [], warnings, reaches };
  try {
    const scope = await openScope(directory, fileSystem);
    if (!scope.ok) {
      warnings.push(`Ignoring "${directory.directory}": ${scope.reason}`);
      return nothing;
    }
    return await readScope(directory.image, scope.value, {
      warnings,
      reaches,
      privateKeys,
    });
  } catch (error) {
    if (error instanceof SystemLimitError) throw error;
    if (error instanceof WithheldError) {
      warnings.push(`Cannot offer ${name}: ${error.message}`);
    } else if (!(error instanceof FileNotFoundError)) {
      warnings.push(`${messageOf(error)}; ${name} is not offered`);
    }
    return nothing;
  }
}

async function openScope(
  { directory, realRoot, ownDirectories = [] }: ImageDirectory,
  fileSystem: FileSystem,
): Promise<Result<ImageScope>> {
  const realDirectory = await fileSystem.realPath(directory);
  const problem = outside(realDirectory, realRoot, ownDirectories);
  return problem === undefined
    ? ok({ directory, realDirectory, realRoot, ownDirectories, fileSystem })
    : refuse(problem);
}

async function readScope(
  image: ChannelArch,
  scope: ImageScope,
  { warnings, reaches, privateKeys }: {
    readonly warnings: string[];
    readonly reaches: string[];
    readonly privateKeys: PrivateKeyCheck;
  },
): Promise<ReadImageResult> {
  const { directory } = scope;
  reaches.push(scope.realDirectory);
  const listing = await listImage(scope);
  reaches.push(...listing.reaches);
  warnings.push(...listing.warnings);
  const described = await readDescription(listing, scope);
  const selected = selectFiles(listing.files, described);
  if (!selected.ok) {
    throw new WithheldError(
      `"${join(directory, "image.toml")}" names ${selected.reason}`,
    );
  }
  warnings.push(...emptyWarnings(listing, directory));
  if (selected.value === undefined) {
    const unbootable = describeDirectory(listing.files);
    const nothing = { files: undefined, choices: [], warnings, reaches };
    if (unbootable === undefined) return nothing;
    warnings.push(describeUnbootable(directory, unbootable));
    return { ...nothing, unbootable };
  }
  warnings.push(...choiceWarnings(selected.value, directory));
  const { choices, isCut: _, ...files } = await withoutKeys(selected.value, {
    scope,
    isDescribed: described !== undefined,
    warnings,
    privateKeys,
  });
  const cmdline = described?.cmdline ?? await notedCmdline(listing, scope);
  const version = described?.version ??
    await notedVersion(listing, scope, warnings);
  const checksums = await readChecksums(described, listing, scope);
  return {
    files: {
      image,
      directory,
      ...files,
      ...cmdline !== undefined && cmdline !== "" && { cmdline },
      ...version !== undefined && version !== "" && { version },
      ...checksums !== undefined && { checksums },
      ...listing.notes.has("manifest.json") &&
        await signedManifest(join(directory, "manifest.json"), scope),
    },
    choices,
    warnings,
    reaches,
  };
}

async function signedManifest(
  path: string,
  { fileSystem }: ImageScope,
): Promise<Pick<ImageFiles, "manifestPath" | "manifestInfo">> {
  return { manifestPath: path, manifestInfo: await fileSystem.stat(path) };
}

/** What `image.toml` says, if there is one. */
async function readDescription(
  { notes }: ImageListing,
  scope: ImageScope,
): Promise<ImageFile | undefined> {
  const kind = notes.get("image.toml");
  if (kind === undefined) return undefined;
  const path = join(scope.directory, "image.toml");
  const text = await readNoteText("image.toml", {
    kind,
    maxLength: MAX_IMAGE_FILE_LENGTH,
    scope,
  });
  if (!text.ok) throw new WithheldError(`"${path}": ${text.reason}`);
  try {
    return parseImageFile(text.value, path);
  } catch (error) {
    throw new WithheldError(messageOf(error));
  }
}

/**
 * A cmdline that cannot be used withholds the image: its owner meant it to have
 * one.
 */
async function notedCmdline(
  { notes }: ImageListing,
  scope: ImageScope,
): Promise<string | undefined> {
  const cmdline = await readNote("cmdline", notes.get("cmdline"), scope);
  if (cmdline.ok) return cmdline.value;
  const path = join(scope.directory, "cmdline");
  throw new WithheldError(`"${path}": ${cmdline.reason}; correct or remove it`);
}

async function notedVersion(
  { notes }: ImageListing,
  scope: ImageScope,
  warnings: string[],
): Promise<string | undefined> {
  const version = await readNote("version", notes.get("version"), scope);
  if (version.ok) return version.value;
  const path = join(scope.directory, "version");
  warnings.push(`Ignoring "${path}": ${version.reason}`);
  return undefined;
}

async function readChecksums(
  described: ImageFile | undefined,
  { files }: ImageListing,
  scope: ImageScope,
): Promise<Checksums | undefined> {
  const filename = described?.checksums;
  if (filename === undefined) return undefined;
  const path = join(scope.directory, filename);
  const fail = (reason: string) => new WithheldError(`"${path}": ${reason}`);
  if (!files.has(filename)) {
    const toml = join(scope.directory, "image.toml");
    throw new WithheldError(
      `"${toml}" names "${filename}", which does not exist`,
    );
  }
  const text = await readNoteText(filename, {
    // Already resolved: it has been listed.
    kind: "symlink",
    maxLength: MAX_CHECKSUMS_LENGTH,
    scope,
  });
  if (!text.ok) throw fail(text.reason);
  const sha256ByPath = parseChecksums(text.value);
  if (!sha256ByPath.ok) throw fail(sha256ByPath.reason);
  const below = filename.slice(0, filename.lastIndexOf("/") + 1);
  return {
    filename,
    sha256ByPath: new Map(
      [...sha256ByPath.value].map(([path, hex]) => [below + path, hex]),
    ),
  };
}

/** The same without files that hold private keys. */
async function withoutKeys(
  selected: SelectedFiles,
  { scope, isDescribed, warnings, privateKeys }: {
    readonly scope: ImageScope;
    readonly isDescribed: boolean;
    readonly warnings: string[];
    readonly privateKeys: PrivateKeyCheck;
  },
): Promise<SelectedFiles> {
  const { directory, fileSystem } = scope;
  const { kernel, initramfs, rootfs, dtbs, files } = selected;
  // A file named like a kernel is never taken for a private key by its name.
  const named = isDescribed ? [kernel, initramfs, rootfs, ...dtbs] : [];
  for (const file of named) {
    if (file === undefined) continue;
    if (await privateKeys.finds(file, fileSystem)) {
      const path = join(directory, file.filename);
      throw new WithheldError(`"${path}" holds a private key`);
    }
  }
  const ignored: IgnoredPath[] = [];
  const kept: ArtifactFile[] = [];
  for (const file of files) {
    const isSecret = await privateKeys.finds(file, fileSystem);
    if (!isSecret) kept.push(file);
    else {ignored.push({
        path: file.filename,
        reason: "it holds a private key",
      });}
  }
  warnings.push(...ignoredWarnings(ignored, directory));
  return { ...selected, files: kept };
}

/** Warns of empty files that would otherwise have a role. */
function emptyWarnings({ files }: ImageListing, directory: string): string[] {
  const roles: readonly NamedRole[] = ["kernel", "initramfs", "rootfs"];
  const empty = [...files.values()].filter(({ filename, info }) =>
    info.sizeBytes === 0 &&
    (isDeviceTree(filename) ||
      roles.some((role) => nameRank(filename, role) !== undefined))
  );
  return ignoredWarnings(
    empty.map(({ filename }) => ({ path: filename, reason: "it is empty" })),
    directory,
  );
}

function choiceWarnings(
  { choices, isCut }: SelectedFiles,
  directory: string,
): string[] {
  const warnings = choices.flatMap(({ role, name, why, passedOver }) => {
    const doubtful = passedOver.filter(({ isDoubtful }) => isDoubtful)
      .map(({ name }) => `"${name}"`).join(", ");
    if (doubtful === "") return [];
    return name === undefined
      ? [
        `No ${role} in "${directory}": ${why}, ignoring ${doubtful}; name the right one in image.toml`,
      ]
      : [
        `Several files could be the ${role} in "${directory}": using "${name}", ignoring ${doubtful}`,
      ];
  });
  if (isCut) {
    warnings.push(
      `Some files below "${directory}" are not part of its image, since a manifest cannot hold so many; say in image.toml which are: files = [...]`,
    );
  }
  return warnings;
}
