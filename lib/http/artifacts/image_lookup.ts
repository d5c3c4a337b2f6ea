import {
  type ChannelArch,
  formatChannelArch,
  manifestPath,
  parseChannelArch,
} from "../../core/channel_arch.ts";
import { printable } from "../../core/printable.ts";
import { ok, refuse, type Result } from "../../core/result.ts";
import { artifactNamed } from "../../manifest/artifact_paths.ts";
import type { HashedArtifact } from "../../scan/image_files.ts";
import type { PieceList } from "../../scan/pieces.ts";
import type { ImageCatalog, ServedBlob, ServedImage } from "./image_catalog.ts";

/** How many names an error lists: it is not the manifest. */
const MAX_LISTED_NAMES = 20;

/**
 * The image that two parts of a request path name. Case does not matter, and
 * aliases (aarch64, amd64) count as the architecture they stand for.
 *
 * @returns the image, or what a client should know when there is none
 */
export function findImage(
  catalog: ImageCatalog,
  { channel, arch }: { readonly channel: string; readonly arch: string },
): Result<ServedImage> {
  const image = parseChannelArch(channel.toLowerCase(), arch.toLowerCase());
  const found = image.ok ? catalog.find(image.value) : undefined;
  if (found !== undefined) return ok(found);
  const asked = image.ok
    ? formatChannelArch(image.value)
    : printable(`${channel}/${arch}`, 80);
  return refuse(`No image ${asked} here; ${describeImages(catalog)}`);
}

/**
 * The only image, when there is exactly one: what `/manifest.json` means.
 *
 * @returns the image, or what a client should know when there is none
 */
export function findOnlyImage(catalog: ImageCatalog): Result<ServedImage> {
  const [only, ...others] = catalog.images();
  if (only !== undefined && others.length === 0) return ok(only);
  return refuse(
    only === undefined
      ? "No image is served here yet"
      : `Several images are served here: ask for ${
        listNames(catalog, manifestPath)
      }`,
  );
}

/** A file of an image, and what to call it. */
export interface NamedArtifact extends ServedBlob {
  /** Such as `stable/arm64/vmlinuz`. */
  readonly name: string;
}

/**
 * A file of an image, as `artifactNamed()` finds it.
 *
 * @returns the artifact, or what a client should know when there is none
 */
export function findArtifact(
  served: ServedImage,
  name: string,
): Result<NamedArtifact> {
  const { image, artifacts } = served;
  const found = artifactNamed(artifacts, name);
  if (found !== undefined) return ok(named(served, found));
  const names = ["manifest.json"];
  for (const [role, { filename }] of artifacts) {
    if (names.length > MAX_LISTED_NAMES) break;
    names.push(role === filename ? role : `${role} (${printable(filename)})`);
  }
  const more = artifacts.size + 1 - names.length;
  if (more > 0) names.push(`${more} more`);
  return refuse(
    `${formatChannelArch(image)} has no ${
      JSON.stringify(printable(name, 80))
    }` +
      `; it has ${names.join(", ")}`,
  );
}

/**
 * The kernel as a program for UEFI: what `kernel.efi` means, so that no other
 * file of that name is had by it.
 *
 * @returns the kernel, or what a client should know when it is none
 */
export function findEfiKernel(served: ServedImage): Result<NamedArtifact> {
  const { image, artifacts } = served;
  const kernel = artifacts.get("kernel");
  // Its manifest has it under this name whatever it holds.
  const isCalledSo = kernel?.filename === "kernel.efi";
  if (
    kernel !== undefined &&
    (kernel.mediaType === "application/efi" || isCalledSo)
  ) return ok(named(served, kernel));
  return refuse(
    `The kernel of ${
      formatChannelArch(image)
    } is no program for UEFI, since it does not begin as a PE image; it is at kernel, as it is`,
  );
}

/**
 * A file of any image, by the hash of its content.
 *
 * @param hex as the client wrote it
 * @returns the artifact, or what a client should know when there is none
 */
export function findBlob(
  catalog: ImageCatalog,
  hex: string,
): Result<NamedArtifact> {
  const sha256 = hex.toLowerCase();
  if (!/^[0-9a-f]{64}$/.test(sha256)) {
    return refuse(
      "Not a SHA-256: ask for /blobs/sha256/ followed by 64 hex digits",
    );
  }
  const found = catalog.findBlob(sha256);
  if (found !== undefined) return ok(named(found.served, found.artifact));
  return refuse(
    `No artifact has the SHA-256 ${sha256}: the manifests say which there are; ${
      describeImages(catalog)
    }`,
  );
}

/** The pieces of a large file. */
export interface NamedPieces extends NamedArtifact {
  /** Their digests. */
  readonly pieces: PieceList;
}

/**
 * The list of the pieces of a file of any image, by the list's hash.
 *
 * @param hex as the client wrote it
 */
export function findPieceList(
  catalog: ImageCatalog,
  hex: string,
): NamedPieces | undefined {
  const found = catalog.findBlobOfPieces(hex.toLowerCase());
  const pieces = found?.artifact.pieces;
  return found === undefined || pieces === undefined
    ? undefined
    : { ...named(found.served, found.artifact), pieces };
}

function named(
  served: ServedImage,
  artifact: HashedArtifact,
): NamedArtifact {
  const name = `${formatChannelArch(served.image)}/${artifact.filename}`;
  return { served, name, artifact };
}

/** `served: stable/arm64, testing/arm64`. */
function describeImages(catalog: ImageCatalog): string {
  return catalog.images().length === 0
    ? "nothing is served yet"
    : `served: ${listNames(catalog, formatChannelArch)}`;
}

/** The first names, and how many more there are. */
function listNames(
  catalog: ImageCatalog,
  nameOf: (image: ChannelArch) => string,
): string {
  const images = catalog.images();
  const names = images.slice(0, MAX_LISTED_NAMES)
    .map(({ image }) => nameOf(image));
  const more = images.length - names.length;
  return (more > 0 ? [...names, `${more} more`] : names).join(", ");
}
