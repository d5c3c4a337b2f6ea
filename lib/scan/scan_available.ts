import { join } from "node:path";
import {
  type ChannelArch,
  DEFAULT_ARCHITECTURES,
  DEFAULT_CHANNELS,
  formatChannelArch,
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
import { orReason } from "../core/or_reason.ts";
import { messageOf } from "../core/printable.ts";
import { findArchDirectories, unsafeName } from "./arch_directories.ts";
import type { ImageFiles } from "./image_files.ts";
import type { RoleChoice } from "./artifact_roles.ts";
import type { UnbootableDirectory } from "./describe_directory.ts";
import { specialFileWarnings } from "./image_listing.ts";
import type { PrivateKeyCheck } from "./private_keys.ts";
import { readImage, type ReadImageResult } from "./read_image.ts";
import type { ChannelList, ScannedChannel } from "./known_directories.ts";
import type { ChannelLook, ScanLook } from "./scan_look.ts";

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
  readonly image: ChannelArch;
  /** The directory that should hold it. */
  readonly directory: string;
  /** Its contents, if no file there is named like a kernel. */
  readonly unbootable?: UnbootableDirectory;
}

/** How the files of an image came to their roles. */
export interface ImageChoices {
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
 * @param look remembers what need not be read again
 * @throws UserError when the artifacts directory itself cannot be read
 * @throws SystemLimitError, so that no image seems to be gone that is not
 */
export async function scanAvailable(
  settings: ScanSettings,
  fileSystem: FileSystem,
  { look, privateKeys, signal }: {
    readonly look?: ScanLook<ScanResult, ChannelDirectory>;
    readonly privateKeys?: PrivateKeyCheck;
    readonly signal: AbortSignal;
  },
): Promise<ScanResult> {
  const realRoots = new Map<string, string>();
  for (const root of artifactRoots(settings)) {
    const real = await orReason(fileSystem.realPath(root));
    // The reason is reported where the directory is listed.
    realRoots.set(root, real.ok ? real.value : root);
  }
  const tree = { fileSystem, look, realRoots };
  const { channels, warnings } = await findChannels(settings, tree);
  const own = {
    ownDirectories: await resolveOwn(settings, fileSystem),
    privateKeys,
  };
  const scan = async (
    channel: ChannelDirectory,
    channelLook?: ChannelLook<ScanResult>,
  ) => {
    signal.throwIfAborted();
    const disk = { fileSystem, look: channelLook };
    return await scanChannel(channel, settings, disk, own);
  };
  const perChannel = await (look?.channels(scan) ??
    mapParallel(channels, (channel) => scan(channel)));
  const whole = () => together(perChannel, warnings);
  return look?.whole(whole) ?? whole();
}

/**
 * Joins the results of thousands of channels, most of which have only images.
 */
function together(
  perChannel: readonly ScanResult[],
  passedOver: readonly string[],
): ScanResult {
  const available: ImageFiles[] = [];
  const missing: MissingImage[] = [];
  const choices: ImageChoices[] = [];
  const warnings = [...passedOver];
  for (const channel of perChannel) {
    available.push(...channel.available);
    missing.push(...channel.missing);
    choices.push(...channel.choices);
    warnings.push(...channel.warnings);
  }
  return { available, missing, choices, warnings };
}

/** The disk, and what is known of a channel. */
interface ScannedDisk {
  readonly fileSystem: FileSystem;
  readonly look: ChannelLook<ScanResult> | undefined;
}

/** The disk, and what is known of it. */
interface ScannedTree {
  readonly fileSystem: FileSystem;
  readonly look: ScanLook<ScanResult, ChannelDirectory> | undefined;
  /** The roots as in the settings, mapped to their paths with links resolved. */
  readonly realRoots: ReadonlyMap<string, string>;
}

/** The directories that the images of these settings lie below. */
export function artifactRoots(
  { artifactsDir, channels, channelSettings = new Map() }: ScanSettings,
): Set<string> {
  const own = [...channelSettings].flatMap(([channel, { artifactsDir }]) =>
    artifactsDir !== undefined && (channels?.includes(channel) ?? true)
      ? [artifactsDir]
      : []
  );
  const needsShared = channels === undefined ||
    channels.some((channel) =>
      channelSettings.get(channel)?.artifactsDir === undefined
    );
  return new Set([...needsShared ? [artifactsDir] : [], ...own]);
}

/** The directories that nothing is read in, as far as they exist. */
export async function resolveOwn(
  { stateDir }: Pick<ScanSettings, "stateDir">,
  fileSystem: FileSystem,
): Promise<string[]> {
  if (stateDir === undefined) return [];
  const real = await orReason(fileSystem.realPath(stateDir));
  return real.ok ? [real.value] : [];
}

/** A channel and the directory that holds its architectures. */
export interface ChannelDirectory extends ScannedChannel {
  /** With every link resolved: links must not lead outside. */
  readonly realRoot: string;
  /** Whether every default architecture is expected, or only what is found. */
  readonly expected: boolean;
  /** Whether the settings name it for this channel alone. */
  readonly isOwn: boolean;
}

async function findChannels(
  settings: ScanSettings,
  tree: ScannedTree,
): Promise<ChannelList<ChannelDirectory>> {
  const { look, realRoots } = tree;
  const { artifactsDir, channels } = settings;
  const isShared = realRoots.has(artifactsDir) &&
    (channels === undefined ||
      channels.some((channel) =>
        ownDirectory(settings, channel) === undefined
      ));
  const entries = isShared
    ? await listArtifacts(artifactsDir, tree)
    : NO_ENTRIES;
  const make = () => channelList(settings, entries, realRoots);
  const because = [settings, entries, ...[...realRoots].flat()];
  return look?.channelList(because, make) ?? make();
}

const NO_ENTRIES: readonly DirectoryEntry[] = [];

function ownDirectory(
  { channelSettings }: ScanSettings,
  channel: string,
): string | undefined {
  return channelSettings?.get(channel)?.artifactsDir;
}

function channelList(
  settings: ScanSettings,
  entries: readonly DirectoryEntry[],
  realRoots: ReadonlyMap<string, string>,
): ChannelList<ChannelDirectory> {
  const { artifactsDir } = settings;
  const warnings: string[] = [];
  const wanted = settings.channels ?? DEFAULT_CHANNELS;
  const realRootOf = (root: string) => realRoots.get(root) ?? root;
  warnings.push(...specialFileWarnings(entries, artifactsDir));
  const found = settings.channels === undefined
    ? channelNames(entries, artifactsDir, warnings)
      .filter((name) => !wanted.includes(name))
    : [];
  const links = new Set(
    entries.filter(({ kind }) => kind === "symlink").map(({ name }) => name),
  );
  const expected = new Set(wanted);
  // Thousands of names are put to the same two directories.
  const shared = join(artifactsDir, "/");
  const sharedEvents = join(realRootOf(artifactsDir), "/");
  const channels = [...wanted, ...found].map((channel) => {
    const own = ownDirectory(settings, channel);
    const realRoot = realRootOf(own ?? artifactsDir);
    return {
      channel,
      path: own ?? shared + channel,
      eventPath: own === undefined ? sharedEvents + channel : realRoot,
      isLinked: own === undefined && links.has(channel),
      realRoot,
      expected: expected.has(channel),
      isOwn: own !== undefined,
    };
  });
  return { channels, warnings };
}

async function listArtifacts(
  artifactsDir: string,
  { fileSystem, look, realRoots }: ScannedTree,
): Promise<readonly DirectoryEntry[]> {
  const read = async () => ({ entries: await fileSystem.list(artifactsDir) });
  const path = artifactsDir;
  const eventPath = realRoots.get(path) ?? path;
  try {
    const root = { path, eventPath, isLinked: false };
    const listing = await (look?.listRoot(root, read) ?? read());
    return listing !== undefined && "entries" in listing ? listing.entries : [];
  } catch (cause) {
    if (cause instanceof SystemLimitError) throw cause;
    const problem = cause instanceof FileNotFoundError
      ? await whyNoDirectory(artifactsDir, fileSystem)
      : messageOf(cause);
    throw new UserError(
      `Cannot scan the artifacts directory "${artifactsDir}": ${problem}. ` +
        "Create it, name another with --artifacts DIR, " +
        'or see it work with sample images by "deno task demo"',
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

async function scanChannel(
  scanned: ChannelDirectory,
  settings: ScanSettings,
  disk: ScannedDisk,
  own: OwnFiles,
): Promise<ScanResult> {
  const { channel, path, expected, isOwn } = scanned;
  const warnings: string[] = [];
  const available: ImageFiles[] = [];
  const choices: ImageChoices[] = [];
  const missing: MissingImage[] = [];
  const configured = settings.channelSettings?.get(channel)?.architectures ??
    settings.architectures;
  const directories = await findArchDirectories(scanned, disk, warnings);
  if (directories === undefined && isOwn) {
    const why = await whyNoDirectory(path, disk.fileSystem);
    warnings.push(noOwnDirectory(path, channel, why));
  }
  const wanted = configured ?? (expected ? DEFAULT_ARCHITECTURES : []);
  const found = configured === undefined
    ? [...directories?.keys() ?? []].filter((arch) => !wanted.includes(arch))
      .sort()
    : [];
  for (const arch of [...wanted, ...found]) {
    const image = { channel, arch };
    const entries = directories?.get(arch) ?? [];
    const results: ReadImageResult[] = [];
    for (const entry of entries) {
      results.push(await scanImage(image, { entry, scanned, disk, own }));
    }
    warnings.push(...results.flatMap((result) => result.warnings));
    const best = results.find(({ files }) => files !== undefined);
    if (best?.files === undefined) {
      const unbootable = results[0]?.unbootable;
      missing.push({
        image,
        directory: join(path, entries[0]?.name ?? arch),
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

/** Files of our own, and those that must not be published. */
interface OwnFiles {
  readonly ownDirectories: readonly string[];
  readonly privateKeys: PrivateKeyCheck | undefined;
}

async function scanImage(
  image: ChannelArch,
  { entry: { name, kind }, scanned, disk: { fileSystem, look }, own }: {
    readonly entry: DirectoryEntry;
    readonly scanned: ChannelDirectory;
    readonly disk: ScannedDisk;
    readonly own: OwnFiles;
  },
): Promise<ReadImageResult> {
  const { realRoot } = scanned;
  const path = join(scanned.path, name);
  const { ownDirectories, privateKeys } = own;
  const place = { image, directory: path, realRoot, ownDirectories };
  const read = () => readImage(place, fileSystem, privateKeys);
  return await (look?.image(image, {
    path,
    eventPath: join(scanned.eventPath, name),
    isLinked: scanned.isLinked || kind === "symlink",
  }, read) ?? read());
}

/** A file has nothing in it, as if it were not there. */
async function whyNoDirectory(
  path: string,
  fileSystem: FileSystem,
): Promise<string> {
  const info = await fileSystem.stat(path).catch(() => undefined);
  return info === undefined || info.kind === "directory"
    ? "there is no such directory"
    : "it is a file, not a directory";
}

function noOwnDirectory(
  directory: string,
  channel: string,
  why: string,
): string {
  return `Cannot find "${directory}", the artifacts_dir of channel ${channel}: ${why}; create it, or correct [provider.channels.${channel}]`;
}

/** Says of another directory of the same image that it is passed over. */
function duplicateOf(taken: ImageFiles) {
  return ({ files }: ReadImageResult): string[] =>
    files === undefined || files === taken ? [] : [
      `Ignoring directory "${files.directory}": "${taken.directory}" is ` +
      `${formatChannelArch(taken.image)} already; remove one of them`,
    ];
}
