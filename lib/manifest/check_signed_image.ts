import { sameImage } from "../core/channel_arch.ts";
import { ok, refuse, refuseAs, type Result } from "../core/result.ts";
import { artifactFiles } from "../scan/digest.ts";
import { PIECE_BYTES } from "../scan/pieces.ts";
import type { HashedArtifact, HashedImage } from "../scan/image_files.ts";
import {
  type Artifact,
  artifactsByRole,
  type BootManifest,
} from "./boot_manifest.ts";
import { type Envelope, openEnvelope } from "./envelope.ts";
import { parsePublicKey } from "./public_key.ts";
import type { Refusal } from "./refusal.ts";
import { sha256 } from "./sha256.ts";
import {
  checkSignatures,
  type TrustedKeys,
  trustKeys,
} from "./trusted_keys.ts";
import { manifestOf } from "./verify_envelope.ts";

/**
 * An image with a manifest that another machine signed, to be served unchanged.
 */
export interface SignedImage {
  /** The envelope, byte for byte. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** What it says. */
  readonly manifest: BootManifest;
  /** SHA-256 of `bytes`, 64 lower-case hex digits. */
  readonly sha256: string;
  /** The files it names, by role. */
  readonly artifacts: ReadonlyMap<string, HashedArtifact>;
  /**
   * The trusted keys that signed it; without trusted keys, all that it names.
   */
  readonly signedBy: readonly string[];
}

/**
 * Checks that a signed manifest and the files of a directory belong together,
 * so that they can be served without the private key. Whether it has expired is
 * for clients to judge: the caller only warns.
 *
 * @param bytes the directory's `manifest.json`
 * @param image the directory's files
 * @param trusted whose signatures count; without, every signature must fit
 * the key it names, which shows damage, but nobody's authority
 */
export async function checkSignedImage(
  bytes: Uint8Array<ArrayBuffer>,
  image: HashedImage,
  trusted?: TrustedKeys,
): Promise<Result<SignedImage, Refusal>> {
  const envelope = openEnvelope(bytes);
  if (!envelope.ok) return envelope;
  const signedBy = await checkSignatures(
    envelope.value,
    trusted ?? namedKeys(envelope.value),
  );
  if (!signedBy.ok) return signedBy;
  const manifest = manifestOf(envelope.value);
  if (!manifest.ok) return manifest;
  const { channel, arch } = manifest.value.image;
  if (!sameImage(manifest.value.image, image.image)) {
    return refuse({
      code: channel === image.image.channel ? "wrong_arch" : "wrong_channel",
      message: `manifest.json is for ${channel}/${arch}`,
    });
  }
  const artifacts = matchArtifacts(manifest.value, image);
  return artifacts.ok
    ? ok({
      bytes,
      manifest: manifest.value,
      sha256: (await sha256(bytes)).toHex(),
      artifacts: artifacts.value,
      signedBy: signedBy.value,
    })
    : artifacts;
}

/** Every Ed25519 key that an envelope names as a signer, all required. */
function namedKeys({ signatures }: Envelope): TrustedKeys {
  const keys = signatures.flatMap(({ keyId }) => {
    const key = keyId.startsWith("ed25519:")
      ? parsePublicKey(keyId)
      : undefined;
    return key?.ok ? [key.value] : [];
  });
  const named = trustKeys(keys, keys.length);
  // Without any key nothing passes, not even a threshold of zero.
  return named.ok ? named.value : { keys: new Map(), threshold: 1 };
}

function matchArtifacts(
  manifest: BootManifest,
  image: HashedImage,
): Result<Map<string, HashedArtifact>, Refusal> {
  const present = new Map(
    artifactFiles(image).map((file) => [file.filename, file] as const),
  );
  const matched = new Map<string, HashedArtifact>();
  for (const [role, promised] of artifactsByRole(manifest)) {
    const file = matchArtifact(promised, present.get(promised.filename));
    if (!file.ok) {
      return refuseAs(
        "artifact_differs",
        `${promised.filename} ${file.reason}`,
      );
    }
    matched.set(role, file.value);
  }
  return ok(matched);
}

function matchArtifact(
  promised: Artifact,
  file: HashedArtifact | undefined,
): Result<HashedArtifact> {
  if (file === undefined) return refuse("is missing");
  if (file.info.sizeBytes !== promised.sizeBytes) {
    return refuse(
      `has ${file.info.sizeBytes} bytes, not ${promised.sizeBytes} as promised`,
    );
  }
  if (file.sha256 !== promised.sha256) {
    return refuse("does not have the promised SHA-256");
  }
  // For another piece size we have no list. A client can do without one; a
  // wrong one would mislead it.
  const { pieces } = promised;
  return pieces?.sizeBytes === PIECE_BYTES && file.pieces !== undefined &&
      pieces.sha256 !== file.pieces.sha256
    ? refuse("does not have the promised pieces")
    : ok(file);
}
