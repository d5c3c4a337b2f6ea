import { createHash } from "node:crypto";
import { formatChannelArch, sameImage } from "../core/channel_arch.ts";
import { UserError } from "../core/errors.ts";
import type { HashedArtifact, HashedImage } from "../scan/image_files.ts";
import { artifactFiles } from "../scan/digest.ts";
import { artifactReferences } from "./artifact_paths.ts";
import { PIECE_BYTES } from "../scan/pieces.ts";
import { type BootManifest, parseManifest } from "./boot_manifest.ts";
import { isSameJson, type JsonObject } from "./canonical_json.ts";
import { type Envelope, MAX_ENVELOPE_BYTES, openEnvelope } from "./envelope.ts";
import { datesOf, isFresh, type Life } from "./renew_manifest.ts";
import { sealEnvelope } from "./sign_envelope.ts";
import type { SigningKey } from "./signing_key.ts";
import { formatTimestamp } from "./timestamp.ts";
import { checkSignatures, trustKeys } from "./trusted_keys.ts";
import { contentOf, manifestOf } from "./verify_envelope.ts";

const TWO_DAYS_S = 2 * 86_400;

/** A manifest as it is served. */
export interface IssuedManifest {
  /** The envelope, exactly as it is sent. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** What the envelope says. */
  readonly manifest: BootManifest;
  /** SHA-256 of `bytes`, 64 lower-case hex digits. */
  readonly sha256: string;
  /** Whether it has a version that nothing had before. */
  readonly isNewVersion: boolean;
}

/** What a manifest is issued from. */
export interface IssueOptions extends Life {
  /** The files to promise. */
  readonly image: HashedImage;
  /** The envelope that was served before, if any. */
  readonly previous?: Uint8Array<ArrayBuffer>;
  /**
   * The keys to sign with; without any, the envelope is to be signed elsewhere.
   */
  readonly signers: readonly SigningKey[];
}

/**
 * Issues the manifest of an image. Its bytes stay the same until the content or
 * the keys change, or half of its lifetime has passed; only new content raises
 * `manifest_version`.
 *
 * @throws UserError when a file name, `cmdline` or `version` cannot be
 * promised, or so many files that no client would take the manifest
 */
export async function issueManifest(
  options: IssueOptions,
): Promise<IssuedManifest> {
  const { image, signers, now } = options;
  const previous = readPrevious(options);
  const promise = promiseOf(image, previous?.envelope.content);
  const unchanged = previous !== undefined && isIn(previous, promise);

  if (
    unchanged && isFresh(previous.manifest, options) &&
    await isSignedBy(previous.envelope, signers)
  ) {
    return issued(previous.bytes, previous.manifest, false);
  }
  const nowSeconds = Math.max(1, Math.floor(now / 1000));
  const content = {
    ...promise,
    manifest_version: unchanged
      ? previous.manifest.manifestVersion
      : nextVersion(nowSeconds, previous?.manifest.manifestVersion),
    ...datesOf(
      unchanged ? Math.min(previous.manifest.createdAtMs, now) : now,
      options,
    ),
  };
  const manifest = parseManifest(content);
  if (!manifest.ok) {
    throw new UserError(
      `Cannot issue a manifest for ${
        formatChannelArch(image.image)
      } from "${image.directory}": ${manifest.reason}`,
    );
  }
  const bytes = await sealEnvelope(content, signers);
  if (bytes.length > MAX_ENVELOPE_BYTES) {
    const { length } = artifactFiles(image);
    throw new UserError(
      `Cannot issue a manifest for ${
        formatChannelArch(image.image)
      } from "${image.directory}": with ${length} files it would be larger than 1 MiB, which no client takes; say in image.toml which are needed: dtbs = [...], files = [...]`,
    );
  }
  return issued(bytes, manifest.value, !unchanged);
}

/**
 * The version of another content: the clock's seconds, but after the last one,
 * and at most two days after it. A clock that ran ahead once, by years, would
 * leave no version to a provider whose clock is right.
 */
function nextVersion(nowSeconds: number, last: number | undefined): number {
  return last === undefined
    ? nowSeconds
    : Math.max(last + 1, Math.min(nowSeconds, last + TWO_DAYS_S));
}

/**
 * Whether an envelope promises the present content of an image: everything in
 * the manifest but `manifest_version`, `created_at` and `expires_at`.
 * Signatures are not checked.
 *
 * @param bytes untrusted
 */
export function promisesContentOf(
  bytes: Uint8Array<ArrayBuffer>,
  image: HashedImage,
): boolean {
  const previous = readPrevious({ image, previous: bytes });
  return previous !== undefined &&
    isIn(previous, promiseOf(image, previous.envelope.content));
}

interface Previous {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly envelope: Envelope;
  readonly manifest: BootManifest;
}

/** What was served before; what cannot be read starts anew. */
function readPrevious(
  { image, previous }: Pick<IssueOptions, "image" | "previous">,
): Previous | undefined {
  if (previous === undefined) return undefined;
  const envelope = openEnvelope(previous);
  if (!envelope.ok) return undefined;
  const manifest = manifestOf(envelope.value);
  return manifest.ok && sameImage(manifest.value.image, image.image)
    ? { bytes: previous, envelope: envelope.value, manifest: manifest.value }
    : undefined;
}

/**
 * The part of a manifest that follows from the files alone.
 *
 * @param previous the last promise, whose date stands while the files do: who
 * copies or touches them makes no new version
 */
function promiseOf(image: HashedImage, previous?: JsonObject): JsonObject {
  const { kernel, initramfs, rootfs, dtbs, files, initrds } = image;
  const artifacts = {
    kernel: artifactJson(kernel, "kernel"),
    initramfs: initramfs && artifactJson(initramfs, "initramfs"),
    rootfs: rootfs && artifactJson(rootfs, "rootfs"),
    dtbs: artifactsJson(dtbs),
    files: artifactsJson(files),
  };
  const isUnchanged = previous !== undefined &&
    isSameJson(artifacts, previous.artifacts);
  const date = isUnchanged && isDate(previous.version)
    ? previous.version
    : newestDate(image);
  return {
    version: image.version ?? date,
    channel: image.image.channel,
    arch: image.image.arch,
    cmdline: image.cmdline,
    artifacts,
    initrds: initrds.length === 0 ? undefined : initrds,
  };
}

/** Whether a manifest that has been issued has this for its content. */
function isIn({ envelope }: Previous, promise: JsonObject): boolean {
  return isSameJson(contentOf(envelope.content), promise);
}

/** The artifacts by path; undefined if there are none. */
function artifactsJson(
  files: readonly HashedArtifact[],
): JsonObject | undefined {
  return files.length === 0 ? undefined : Object.fromEntries(
    files.map((file) => [file.filename, artifactJson(file)]),
  );
}

function artifactJson(
  { filename, sha256, info, pieces }: HashedArtifact,
  role?: "kernel" | "initramfs" | "rootfs",
): JsonObject {
  return {
    filename,
    hash: `sha256:${sha256}`,
    size: info.sizeBytes,
    pieces: pieces && { size: PIECE_BYTES, hash: `sha256:${pieces.sha256}` },
    urls: artifactReferences(filename, sha256, role),
  };
}

/** The day of the newest file, `2026.11.22`, in UTC wherever it is asked. */
function newestDate(image: HashedImage): string {
  const times = artifactFiles(image).map(({ info }) => info.modifiedMs);
  return formatTimestamp(Math.max(...times)).slice(0, 10).replaceAll("-", ".");
}

/** Whether a version is one that `newestDate()` gives. */
function isDate(version: unknown): version is string {
  return typeof version === "string" && /^\d{4}\.\d\d\.\d\d$/.test(version);
}

/** Whether exactly these keys have signed. */
async function isSignedBy(
  envelope: Envelope,
  signers: readonly SigningKey[],
): Promise<boolean> {
  const keys = new Map(
    signers.map(({ publicKey }) => [publicKey.keyId, publicKey]),
  );
  if (envelope.signatures.length !== keys.size) return false;
  const all = trustKeys(keys.values(), keys.size);
  return !all.ok || (await checkSignatures(envelope, all.value)).ok;
}

function issued(
  bytes: Uint8Array<ArrayBuffer>,
  manifest: BootManifest,
  isNewVersion: boolean,
): IssuedManifest {
  // Without a promise, which takes longer than the digest does.
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return { bytes, manifest, sha256, isNewVersion };
}
