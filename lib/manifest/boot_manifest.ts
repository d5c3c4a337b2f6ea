import { isArtifactPath, isRolePath } from "../core/artifact_path.ts";
import { type ChannelArch, parseChannelArch } from "../core/channel_arch.ts";
import type { Result } from "../core/result.ts";
import type { FilesByRole } from "../scan/image_files.ts";
import { checkPaths, roleOfPath } from "./artifact_paths.ts";
import type { JsonValue } from "./canonical_json.ts";
import { type JsonReader, readJson } from "./json_reader.ts";

/** One file that a manifest promises. */
export interface Artifact {
  /** A path relative to the image, safe to create below a directory. */
  readonly filename: string;
  /** SHA-256 of the content, 64 lower-case hex digits. */
  readonly sha256: string;
  /** Length of the content. */
  readonly sizeBytes: number;
  /** Where the file is, relative to the manifest, in the order to try. */
  readonly urls: readonly string[];
  /** For verifying it piece by piece; a reader may verify the whole instead. */
  readonly pieces?: ArtifactPieces;
}

/** The pieces of a large file. */
export interface ArtifactPieces {
  /** The size of each piece but the last, which has the rest. */
  readonly sizeBytes: number;
  /**
   * SHA-256 of the list, 64 lower-case hex digits: the SHA-256 digests of the
   * pieces, 32 bytes each, one after the other.
   */
  readonly sha256: string;
}

/** What an owner promises about one boot image. */
export interface BootManifest extends FilesByRole<Artifact> {
  readonly image: ChannelArch;
  /** Rises with every change of content, so that older ones can be refused. */
  readonly manifestVersion: number;
  /** What people call this release; orders nothing. */
  readonly version: string;
  /** When this content was first promised, milliseconds since 1970. */
  readonly createdAtMs: number;
  /** When the promise ends, milliseconds since 1970. */
  readonly expiresAtMs: number;
  /** The kernel command line; never holds a line break. */
  readonly cmdline?: string;
}

/**
 * Checks the content of a manifest. Members it does not know are let pass, so
 * that older clients read newer manifests.
 *
 * @param value what the signed bytes hold
 */
export function parseManifest(value: JsonValue): Result<BootManifest> {
  return readJson(value, readManifest);
}

/**
 * The files of an image by role: `kernel`, `initramfs`, `rootfs`, and the path
 * of each other one, with `./` in front of it where it is called like a role.
 *
 * @param image a manifest, or the files that one is made of
 */
export function artifactsByRole<A extends { readonly filename: string }>(
  { kernel, initramfs, rootfs, dtbs, files }: Omit<FilesByRole<A>, "initrds">,
): ReadonlyMap<string, A> {
  const roles = new Map([["kernel", kernel]]);
  if (initramfs !== undefined) roles.set("initramfs", initramfs);
  if (rootfs !== undefined) roles.set("rootfs", rootfs);
  for (const file of [...dtbs, ...files]) {
    roles.set(roleOfPath(file.filename), file);
  }
  return roles;
}

/** We write 4 MiB: smaller pieces make long lists, larger ones gain nothing. */
const MIN_PIECE_BYTES = 64 * 1024;
const MAX_PIECE_BYTES = 64 * 1024 * 1024;
/** Their list is 64 MiB: of 4 MiB each, they make a file of 8 TiB. */
const MAX_PIECES = 2 ** 21;
/** More are not loaded by any boot loader. */
const MAX_INITRDS = 256;

function readManifest(reader: JsonReader): BootManifest {
  const image = parseChannelArch(
    reader.text("channel", 32),
    reader.text("arch", 32),
  );
  if (!image.ok) return reader.refuse("channel or arch", "a safe name");
  const version = reader.text("version", 64);
  if (version === "") return reader.refuse("version", "filled in");
  const artifacts = reader.object("artifacts");
  const manifest: BootManifest = {
    image: image.value,
    manifestVersion: reader.integer("manifest_version", 1),
    version,
    createdAtMs: reader.timeMs("created_at"),
    expiresAtMs: reader.timeMs("expires_at"),
    ...(reader.has("cmdline") && { cmdline: reader.text("cmdline", 4096) }),
    kernel: readArtifact(artifacts.object("kernel"), isRolePath),
    ...(artifacts.has("initramfs") &&
      { initramfs: readArtifact(artifacts.object("initramfs"), isRolePath) }),
    ...(artifacts.has("rootfs") &&
      { rootfs: readArtifact(artifacts.object("rootfs"), isRolePath) }),
    dtbs: artifacts.has("dtbs")
      ? readByPath(artifacts.object("dtbs"), /\.dtbo?$/)
      : [],
    files: artifacts.has("files")
      ? readByPath(artifacts.object("files"), /(?:)/)
      : [],
    initrds: reader.has("initrds")
      ? reader.texts("initrds", MAX_INITRDS, 512)
      : [],
  };
  // Fetched into one directory, a second file would replace the first.
  const { kernel, initramfs, rootfs, dtbs, files, initrds } = manifest;
  const all = [kernel, initramfs, rootfs, ...dtbs, ...files]
    .flatMap((artifact) => artifact?.filename ?? []);
  const paths = checkPaths(all);
  if (!paths.ok) return reader.refuse("artifacts", paths.reason);
  if (initrds.length > 0 && !areInitrds(manifest)) {
    return reader.refuse(
      "initrds",
      "a list of different files, initramfs among them",
    );
  }
  return manifest;
}

function areInitrds({ initramfs, files, initrds }: BootManifest): boolean {
  if (initramfs === undefined) return false;
  const known = new Set([initramfs, ...files].map(({ filename }) => filename));
  return initrds.includes(initramfs.filename) &&
    new Set(initrds).size === initrds.length &&
    initrds.every((name) => known.has(name));
}

function readByPath(reader: JsonReader, ending: RegExp): Artifact[] {
  return reader.keys().sort().map((path) => {
    const artifact = readArtifact(reader.object(path), isArtifactPath);
    return artifact.filename === path && ending.test(path)
      ? artifact
      : reader.refuse(path, "named as its file, with the right ending");
  });
}

function readArtifact(
  reader: JsonReader,
  isSafe: (path: string) => boolean,
): Artifact {
  const filename = reader.text("filename", 512);
  if (!isSafe(filename)) {
    return reader.refuse("filename", "the name of an artifact file");
  }
  const sha256 = readHash(reader);
  const urls = reader.texts("urls", 16, 2048);
  if (urls.length === 0 || !urls.every(isRelativeReference)) {
    return reader.refuse("urls", "a list of relative references");
  }
  const sizeBytes = reader.integer("size", 0);
  return {
    filename,
    sha256,
    sizeBytes,
    urls,
    ...reader.has("pieces") &&
      { pieces: readPieces(reader.object("pieces"), sizeBytes) },
  };
}

/** @param fileBytes bounds the memory that a list takes, before it is read */
function readPieces(reader: JsonReader, fileBytes: number): ArtifactPieces {
  const sizeBytes = reader.integer("size", MIN_PIECE_BYTES);
  if (sizeBytes > MAX_PIECE_BYTES || !Number.isInteger(Math.log2(sizeBytes))) {
    return reader.refuse("size", "a power of two from 64 KiB to 64 MiB");
  }
  if (Math.ceil(fileBytes / sizeBytes) > MAX_PIECES) {
    return reader.refuse("size", `enough for at most ${MAX_PIECES} pieces`);
  }
  return { sizeBytes, sha256: readHash(reader) };
}

function readHash(reader: JsonReader): string {
  const hash = reader.text("hash", 71);
  return /^sha256:[0-9a-f]{64}$/.test(hash)
    ? hash.slice("sha256:".length)
    : reader.refuse("hash", "sha256: and 64 lower-case hex digits");
}

/** Has no scheme, no host, and nothing that a parser of URLs would change. */
const PLAIN_PATH = /^\/?[\w.~%+-][\w.~%+/-]*$/;

/**
 * Whether a reference stays on the host that it is resolved against, whichever
 * that is: `//host/x` does so on one host alone.
 */
function isRelativeReference(url: string): boolean {
  // All that providers write: to parse three for each file takes a quarter of
  // the time that a manifest takes.
  if (PLAIN_PATH.test(url)) return true;
  return !URL.canParse(url) &&
    ["http://a.invalid", "http://b.invalid"].every((origin) =>
      URL.parse(url, `${origin}/c/a/manifest.json`)?.origin === origin
    );
}
