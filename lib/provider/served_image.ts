import { UserError } from "../core/errors.ts";
import type { FileSystem } from "../core/file_system.ts";
import type { ServedImage } from "../http/artifacts/image_catalog.ts";
import type { BootManifest } from "../manifest/boot_manifest.ts";
import { checkSignedImage } from "../manifest/check_signed_image.ts";
import { expiryWarning } from "../manifest/expiry_warning.ts";
import { readEnvelopeFile } from "../manifest/read_envelope_file.ts";
import type { HashedImage } from "../scan/image_files.ts";
import { bootWarnings } from "./boot_warnings.ts";

/** What has become of an image. */
export interface Outcome {
  /** The image as served, unless it cannot be. */
  readonly image?: ServedImage;
  /** For the operator, at a time in milliseconds since 1970. */
  readonly warnings?: (now: number) => readonly string[];
  /**
   * Whether its manifest can still stand, milliseconds since 1970; left out
   * where what lies on disk could not be served.
   */
  readonly holds?: (now: number) => boolean;
}

/** Images, and what has become of each. */
export interface Outcomes {
  readonly of: readonly HashedImage[];
  readonly all: readonly Outcome[];
}

/**
 * What has become of all images.
 *
 * @param now milliseconds since 1970
 */
export function together(outcomes: readonly Outcome[], now: number): {
  readonly images: readonly ServedImage[];
  readonly warnings: readonly string[];
  readonly isIncomplete: boolean;
} {
  const images: ServedImage[] = [];
  const warnings: string[] = [];
  let isIncomplete = false;
  for (const { image, warnings: warningsAt, holds } of outcomes) {
    if (image !== undefined) images.push(image);
    if (warningsAt !== undefined) warnings.push(...warningsAt(now));
    isIncomplete ||= holds === undefined;
  }
  return { images, warnings, isIncomplete };
}

/** An image with the version and command line that its manifest promises. */
export function servedImage(
  { image, version, cmdline, initrds, expiresAtMs }: BootManifest,
  manifest: Omit<ServedImage["manifest"], "expiresAtMs">,
  artifacts: ServedImage["artifacts"],
): ServedImage {
  return {
    image,
    version,
    ...cmdline !== undefined && { cmdline },
    manifest: { ...manifest, expiresAtMs },
    artifacts,
    ...initrds.length > 0 && { initrds },
  };
}

/**
 * An image that comes with a signed `manifest.json`, which is served byte
 * for byte once every file it names has been held against it.
 *
 * @returns undefined when it comes without
 * @throws UserError when it does not fit
 */
export async function ownerSigned(
  hashed: HashedImage,
  fileSystem: FileSystem,
  { signal }: { readonly signal: AbortSignal },
): Promise<Outcome | undefined> {
  const path = hashed.manifestPath;
  if (path === undefined) return undefined;
  const bytes = await readEnvelopeFile(path, fileSystem, { signal });
  if (bytes === undefined) return undefined;
  const signed = await checkSignedImage(bytes, hashed);
  if (!signed.ok) {
    throw new UserError(
      `"${path}" does not match its image: ${signed.reason.message}`,
    );
  }
  const { manifest, sha256, artifacts, signedBy } = signed.value;
  const envelope = { bytes, sha256, signedBy };
  const image = servedImage(manifest, envelope, artifacts);
  const boot = bootWarnings(image);
  const expiry = {
    subject: `The manifest "${path}"`,
    expiresAtMs: manifest.expiresAtMs,
    remedy: "have its owner renew it with: plasmd manifest renew",
  };
  return {
    image,
    holds: () => true,
    warnings: (now) => [expiryWarning(expiry, now) ?? [], boot].flat(),
  };
}
