import assert from "node:assert/strict";
import type { ServedImage } from "../../lib/http/artifacts/image_catalog.ts";
import { issueManifest } from "../../lib/manifest/issue_manifest.ts";
import type { SigningKey } from "../../lib/manifest/signing_key.ts";
import { readEnvelope } from "../../lib/manifest/verify_envelope.ts";
import {
  ImageLibrary,
  type ImageLibraryOptions,
} from "../../lib/provider/image_library.ts";
import { FakeClock } from "./fake_clock.ts";
import { hashedArtifact, hashedImage } from "./hashed_image.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { MemoryLogger } from "./memory_logger.ts";
import { imageOf } from "./sample_images.ts";
import { testSigningKey } from "./signing_keys.ts";

/** The directory of the machine's image. */
export const STABLE = "/images/stable/arm64";
/** The provider's own key. */
export const own = await testSigningKey(1);
/** Signs elsewhere. */
export const owner = await testSigningKey(2);
const { signal } = new AbortController();

/** What a library works with, in memory. */
export interface LibraryParts {
  readonly fileSystem: MemoryFileSystem;
  readonly clock: FakeClock;
  readonly logger: MemoryLogger;
}

/** A machine with `stable/arm64` on its disk. */
export function machine(): LibraryParts {
  return {
    fileSystem: new MemoryFileSystem().file(`${STABLE}/vmlinuz`, "kernel"),
    clock: new FakeClock(),
    logger: new MemoryLogger(),
  };
}

/** A library of the machine's images. */
export function openLibrary(
  parts: LibraryParts,
  options: Partial<ImageLibraryOptions> = {},
): ImageLibrary {
  return new ImageLibrary({
    scan: {
      artifactsDir: "/images",
      channels: ["stable", "testing"],
      architectures: ["arm64"],
    },
    stateDir: "/state",
    loadSigners: () => Promise.resolve([own]),
    expiresDays: 30,
    ...parts,
    ...options,
  });
}

/** `stable/arm64` as it is served, once the disk was looked at. */
export async function served(library: ImageLibrary): Promise<
  ServedImage & {
    readonly bytes: Uint8Array<ArrayBuffer>;
    readonly manifestVersion: number;
    readonly expiresAtMs: number;
  }
> {
  await library.refresh({ signal });
  const image = library.find(imageOf("stable/arm64"));
  assert.ok(image, "stable/arm64 is not served");
  const manifest = readEnvelope(image.manifest.bytes);
  assert.ok(manifest.ok);
  return {
    ...image,
    bytes: image.manifest.bytes,
    manifestVersion: manifest.value.manifestVersion,
    expiresAtMs: manifest.value.expiresAtMs,
  };
}

/** What was warned of so far. */
export function warningsOf({ lines }: MemoryLogger): string[] {
  return lines.filter((line) => line.startsWith("WARN "))
    .map((line) => line.slice("WARN ".length));
}

/** A manifest of the machine's image, as its owner signs it elsewhere. */
export async function ownersManifest(
  {
    signers = [owner],
    channel = "stable",
    content = "kernel",
    now = "2026-11-20T00:00:00Z",
  }: {
    signers?: readonly SigningKey[];
    channel?: string;
    content?: string;
    now?: string;
  } = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const { bytes } = await issueManifest({
    image: hashedImage({
      image: { channel, arch: "arm64" },
      kernel: hashedArtifact("vmlinuz", { content }),
    }),
    signers,
    now: Date.parse(now),
    expiresDays: 30,
  });
  return bytes;
}
