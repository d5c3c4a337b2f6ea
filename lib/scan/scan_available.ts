import { join } from "node:path";
import {
  type ChannelArch,
  DEFAULT_ARCHITECTURES,
  DEFAULT_CHANNELS,
  formatChannelArch,
  parseArch,
  parseChannel,
} from "../core/channel_arch.ts";
import { UserError } from "../core/errors.ts";
import {
  type DirectoryEntry,
  FileNotFoundError,
  type FileSystem,
  SystemLimitError,
} from "../core/file_system.ts";
import { mapParallel } from "../core/map_parallel.ts";
import { messageOf, printable } from "../core/printable.ts";
import type { ImageFiles } from "./image_files.ts";
import type { RoleChoice } from "./artifact_roles.ts";
import type { UnbootableDirectory } from "./describe_directory.ts";
import { specialFileWarnings } from "./image_listing.ts";
import type { PrivateKeyCheck } from "./private_keys.ts";
import { readImage, type ReadImageResult } from "./read_image.ts";

/** Where images are looked for. */
export interface ScanSettings {
  /** Holds `<channel>/<arch>/` directories. */
  readonly artifactsDir: string;
  /** Only these; undefined: the default ones and what is found on disk. */
  readonly channels?: readonly string[] | undefined;
  /** Only these; undefined: the default ones and what is found on disk. */
  readonly architectures?: readonly string[] | undefined;
  /** What single channels set for themselves. */
  readonly channelSettings?: ReadonlyMap<string, ChannelScanSettings>;
  /** Ours: nothing in it is read. */
  readonly stateDir?: string | undefined;
}

/** Where the images of one channel are looked for. */
export interface ChannelScanSettings {
  /** Holds `<arch>/` directories. */
  readonly artifactsDir?: string | undefined;
  /** Only these; undefined: as `ScanSettings.architectures`. */
  readonly architectures?: readonly string[] | undefined;
}

/** An image that was expected, or has a directory, and has no usable kernel. */
export interface MissingImage {
  /** Which image it is. */
  readonly image: ChannelArch;
  /** The directory that should hold it. */
  readonly directory: string;
  /** What lies there, where nothing is called like a kernel. */
  readonly unbootable?: UnbootableDirectory;
}

/** How the files of an image came to their roles. */
export interface ImageChoices {
  /** Which image it is. */
  readonly image: ChannelArch;
  /** In the order kernel, initramfs, rootfs. */
  readonly choices: readonly RoleChoice[];
}

/** What is on disk. */
export interface ScanResult {
  /** In the order of the settings, then sorted. */
  readonly available: readonly ImageFiles[];
  /** In the order of the settings, then sorted. */
  readonly missing: readonly MissingImage[];
  /** Of each available image. */
  readonly choices: readonly ImageChoices[];
  /** What was passed over and why: whole sentences for the log. */
  readonly warnings: readonly string[];
}

/**
 * Finds the images on disk: every configured or default combination of
 * channel and architecture and, where the settings leave it open, every
 * further directory. Reads names and sizes, no content but of small files:
 * `cmdline`, `version`, `image.toml`, and what may be a private key.
 *
 * @throws UserError when the artifacts directory itself cannot be read
 * @throws SystemLimitError, so that no image seems to be gone that is not
 */
export async function scanAvailable(
  settings: ScanSettings,
  fileSystem: FileSystem,
  { privateKeys, signal }: {
    readonly privateKeys?: PrivateKeyCheck;
    readonly signal: AbortSignal;
  },
): Promise<ScanResult> {
  const warnings: string[] = [];
  const channels = await findChannels(settings, fileSystem, warnings);
  const ownDirectories = await resolveOwn(settings, fileSystem);
  const perChannel = await mapParallel(channels, async (channel) => {
    signal.throwIfAborted();
    return await scanChannel(channel, settings, fileSystem, {
      ownDirectories,
      privateKeys,
    });
  });
  return {
    available: perChannel.flatMap((c) => c.available),
    missing: perChannel.flatMap((c) => c.missing),
    choices: perChannel.flatMap((c) => c.choices),
    warnings: [...warnings, ...perChannel.flatMap((c) => c.warnings)],
  };
}

/** The directories that nothing is read in, as far as they exist. */
export async function resolveOwn(
  { stateDir }: Pick<ScanSettings, "stateDir">,
  fileSystem: FileSystem,
): Promise<string[]> {
  if (stateDir === undefined) return [];
  try {
    return [await fileSystem.realPath(stateDir)];
  } catch (error) {
    if (error instanceof SystemLimitError) throw error;
    return [];
  }
}

/** A channel and the directory that holds its architectures. */
interface ChannelDirectory {
  readonly channel: string;
  readonly directory: string;
  /** Links must not lead out of here. */
  readonly root: string;
  /** Whether every default architecture is expected, or only what is found. */
  readonly expected: boolean;
  /** Whether the settings name it for this channel alone. */
  readonly isOwn: boolean;
}

async function findChannels(
  settings: ScanSettings,
  fileSystem: FileSystem,
  warnings: string[],
): Promise<ChannelDirectory[]> {
  const { artifactsDir, channelSettings } = settings;
  const wanted = settings.channels ?? DEFAULT_CHANNELS;
  const ownDirectory = (channel: string) =>
    channelSettings?.get(channel)?.artifactsDir;
  const needsShared = settings.channels === undefined ||
    wanted.some((channel) => ownDirectory(channel) === undefined);
  const entries = needsShared
    ? await listArtifacts(artifactsDir, fileSystem)
    : [];
  warnings.push(...specialFileWarnings(entries, artifactsDir));
  const found = settings.channels === undefined
    ? channelNames(entries, artifactsDir, warnings)
      .filter((name) => !wanted.includes(name))
    : [];
  return [...wanted, ...found].map((channel) => {
    const own = ownDirectory(channel);
    return {
      channel,
      directory: own ?? join(artifactsDir, channel),
      root: own ?? artifactsDir,
      expected: wanted.includes(channel),
      isOwn: own !== undefined,
    };
  });
}

async function listArtifacts(
  artifactsDir: string,
  fileSystem: FileSystem,
): Promise<DirectoryEntry[]> {
  try {
    return await fileSystem.list(artifactsDir);
  } catch (cause) {
    if (cause instanceof SystemLimitError) throw cause;
    const problem = cause instanceof FileNotFoundError
      ? "there is no such directory"
      : messageOf(cause);
    throw new UserError(
      `Cannot scan the artifacts directory "${artifactsDir}": ${problem}. ` +
        "Create it, name another with --artifacts DIR, " +
        'or see it work on sample images with "deno task demo"',
      { cause },
    );
  }
}

function channelNames(
  entries: readonly DirectoryEntry[],
  directory: string,
  warnings: string[],
): string[] {
  const names: string[] = [];
  for (const { name, kind } of entries) {
    if (kind === "file" || kind === "other" || name.startsWith(".")) continue;
    const channel = parseChannel(name);
    if (channel.ok) names.push(name);
    else warnings.push(unsafeName(directory, name, channel.reason));
  }
  return names.sort();
}

function unsafeName(directory: string, name: string, reason: string): string {
  const path = join(directory, printable(name, 64));
  return `Ignoring directory "${path}": ${reason}; rename it to offer it`;
}

async function scanChannel(
  { channel, directory, root, expected, isOwn }: ChannelDirectory,
  settings: ScanSettings,
  fileSystem: FileSystem,
  { ownDirectories, privateKeys }: {
    readonly ownDirectories: readonly string[];
    readonly privateKeys: PrivateKeyCheck | undefined;
  },
): Promise<ScanResult> {
  const warnings: string[] = [];
  const available: ImageFiles[] = [];
  const choices: ImageChoices[] = [];
  const missing: MissingImage[] = [];
  const configured = settings.channelSettings?.get(channel)?.architectures ??
    settings.architectures;
  const directories = await findArchDirectories(
    directory,
    fileSystem,
    warnings,
  );
  if (directories === undefined && isOwn) {
    warnings.push(noOwnDirectory(directory, channel));
  }
  const wanted = configured ?? (expected ? DEFAULT_ARCHITECTURES : []);
  const found = configured === undefined
    ? [...directories?.keys() ?? []].filter((arch) => !wanted.includes(arch))
      .sort()
    : [];
  const realRoot = directories === undefined || directories.size === 0
    ? root
    : await fileSystem.realPath(root);
  for (const arch of [...wanted, ...found]) {
    const image = { channel, arch };
    const names = directories?.get(arch) ?? [];
    const results: ReadImageResult[] = [];
    for (const name of names) {
      const place = { image, directory: join(directory, name), realRoot };
      results.push(
        await readImage({ ...place, ownDirectories }, fileSystem, privateKeys),
      );
    }
    warnings.push(...results.flatMap((result) => result.warnings));
    const best = results.find(({ files }) => files !== undefined);
    if (best?.files === undefined) {
      const unbootable = results[0]?.unbootable;
      missing.push({
        image,
        directory: join(directory, names[0] ?? arch),
        ...unbootable !== undefined && { unbootable },
      });
      continue;
    }
    available.push(best.files);
    choices.push({ image, choices: best.choices });
    warnings.push(...results.flatMap(duplicateOf(best.files)));
  }
  return { available, missing, choices, warnings };
}

function noOwnDirectory(directory: string, channel: string): string {
  return `Cannot find "${directory}", the artifacts_dir of channel ${channel}: there is no such directory; create it, or mend [provider.channels.${channel}]`;
}

/** Says of another directory of the same image that it is passed over. */
function duplicateOf(taken: ImageFiles) {
  return ({ files }: ReadImageResult): string[] =>
    files === undefined || files === taken ? [] : [
      `Ignoring directory "${files.directory}": "${taken.directory}" is ` +
      `${formatChannelArch(taken.image)} already; remove one of them`,
    ];
}

/**
 * The directories of one channel by canonical architecture, a canonical name
 * before its aliases.
 *
 * @returns undefined when there is no such directory
 */
async function findArchDirectories(
  directory: string,
  fileSystem: FileSystem,
  warnings: string[],
): Promise<Map<string, string[]> | undefined> {
  const found = new Map<string, string[]>();
  let entries: DirectoryEntry[];
  try {
    entries = await fileSystem.list(directory);
  } catch (error) {
    if (error instanceof SystemLimitError) throw error;
    if (error instanceof FileNotFoundError) return undefined;
    warnings.push(`${messageOf(error)}; its images are not offered`);
    return found;
  }
  warnings.push(...specialFileWarnings(entries, directory));
  for (const { name, kind } of entries) {
    if (kind === "file" || kind === "other" || name.startsWith(".")) continue;
    const arch = parseArch(name);
    if (!arch.ok) {
      warnings.push(unsafeName(directory, name, arch.reason));
      continue;
    }
    const names = found.get(arch.value) ?? [];
    if (name === arch.value) names.unshift(name);
    else names.push(name);
    found.set(arch.value, names);
  }
  return found;
}
