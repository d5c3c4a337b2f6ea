import { type ChannelArch, parseChannelArch } from "../core/channel_arch.ts";
import type { Result } from "../core/result.ts";
import type { JsonValue } from "./canonical_json.ts";
import { type JsonReader, readJson } from "./json_reader.ts";

/** One file that a manifest promises. */
export interface Artifact {
  /** A plain file name, safe to create in a directory. */
  readonly filename: string;
  /** SHA-256 of the content, 64 lower-case hex digits. */
  readonly sha256: string;
  /** Length of the content. */
  readonly sizeBytes: number;
  /** Where it can be had, relative to the manifest, in the order to try. */
  readonly urls: readonly string[];
}

/** What an owner promises about one boot image. */
export interface BootManifest {
  /** Which image. */
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
  /** The kernel, the one file that every image has. */
  readonly kernel: Artifact;
  /** The initial RAM file system. */
  readonly initramfs?: Artifact;
  /** The root file system. */
  readonly rootfs?: Artifact;
  /** Device trees, sorted by name. */
  readonly dtbs: readonly Artifact[];
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
 * The files of an image by role: `kernel`, `initramfs`, `rootfs`, and each
 * device tree's file name.
 */
export function artifactsByRole<A extends { readonly filename: string }>(
  { kernel, initramfs, rootfs, dtbs }: {
    readonly kernel: A;
    readonly initramfs?: A;
    readonly rootfs?: A;
    readonly dtbs: readonly A[];
  },
): ReadonlyMap<string, A> {
  const roles = new Map([["kernel", kernel]]);
  if (initramfs !== undefined) roles.set("initramfs", initramfs);
  if (rootfs !== undefined) roles.set("rootfs", rootfs);
  for (const dtb of dtbs) roles.set(dtb.filename, dtb);
  return roles;
}

/** The same names that a scan takes: they fit a URL path and a boot script. */
const ARTIFACT_NAME = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,254}$/;

/** Names of files that are still being written, or that lie beside them. */
const RESERVED_NAME = /(\.part|\.tmp)$|^manifest\.json$/;

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
    kernel: readArtifact(artifacts.object("kernel")),
    ...(artifacts.has("initramfs") &&
      { initramfs: readArtifact(artifacts.object("initramfs")) }),
    ...(artifacts.has("rootfs") &&
      { rootfs: readArtifact(artifacts.object("rootfs")) }),
    dtbs: artifacts.has("dtbs") ? readDtbs(artifacts.object("dtbs")) : [],
  };
  const files = [...artifactsByRole(manifest).values()];
  const names = new Set(files.map(({ filename }) => filename));
  // Fetched into one directory, a second file would replace the first.
  if (names.size !== files.length) {
    return reader.refuse("artifacts", "made of files with different names");
  }
  return manifest;
}

function readDtbs(reader: JsonReader): Artifact[] {
  return reader.keys().sort().map((name) => {
    const artifact = readArtifact(reader.object(name));
    return artifact.filename === name && name.endsWith(".dtb")
      ? artifact
      : reader.refuse(name, "named as its file, with the ending .dtb");
  });
}

function readArtifact(reader: JsonReader): Artifact {
  const filename = reader.text("filename", 255);
  if (!ARTIFACT_NAME.test(filename) || RESERVED_NAME.test(filename)) {
    return reader.refuse("filename", "the name of an artifact file");
  }
  const hash = reader.text("hash", 71);
  if (!/^sha256:[0-9a-f]{64}$/.test(hash)) {
    return reader.refuse("hash", "sha256: and 64 lower-case hex digits");
  }
  const urls = reader.texts("urls", 16, 2048);
  if (urls.length === 0 || !urls.every(isRelativeReference)) {
    return reader.refuse("urls", "a list of relative references");
  }
  return {
    filename,
    sha256: hash.slice("sha256:".length),
    sizeBytes: reader.integer("size", 0),
    urls,
  };
}

/** Whether a reference stays on the host that it is resolved against. */
function isRelativeReference(url: string): boolean {
  const base = "http://provider.invalid/channel/arch/manifest.json";
  return URL.parse(url, base)?.origin === new URL(base).origin &&
    !URL.canParse(url);
}
