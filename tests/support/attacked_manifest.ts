import assert from "node:assert/strict";
import type { ChannelArch } from "../../lib/core/channel_arch.ts";
import {
  isJsonObject,
  type JsonObject,
} from "../../lib/manifest/canonical_json.ts";
import { openEnvelope } from "../../lib/manifest/envelope.ts";
import { issueManifest } from "../../lib/manifest/issue_manifest.ts";
import type { SigningKey } from "../../lib/manifest/signing_key.ts";
import { trustKeys } from "../../lib/manifest/trusted_keys.ts";
import {
  type TrustPolicy,
  verifyEnvelope,
} from "../../lib/manifest/verify_envelope.ts";
import type { HashedImage } from "../../lib/scan/image_files.ts";
import { hashedArtifact, hashedImage } from "./hashed_image.ts";
import { testSigningKey } from "./signing_keys.ts";

/** When the owner signs, milliseconds since 1970. */
export const NOW = Date.parse("2026-11-22T12:00:00Z");
/** In milliseconds. */
export const DAY_MS = 86_400_000;
/** What the box wants. */
export const IMAGE: ChannelArch = { channel: "stable", arch: "arm64" };

/** Whom the box trusts, who may sign with them, and an attacker. */
export const [owner, coOwner, mallory] = await Promise.all([
  testSigningKey(1),
  testSigningKey(2),
  testSigningKey(3),
]);
/** The owner's image. */
export const files: HashedImage = hashedImage({
  rootfs: hashedArtifact("rootfs.img"),
});
/** The owner's manifest of it. */
export const good: Uint8Array<ArrayBuffer> = await promise();

/** The manifest of an image, by the owner unless others are named. */
export async function promise(
  { image = files, signers = [owner], now = NOW }: {
    image?: HashedImage;
    signers?: readonly SigningKey[];
    now?: number;
  } = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const issued = await issueManifest({ image, signers, now, expiresDays: 30 });
  return issued.bytes;
}

/** What a box asks for that trusts the owner. */
export function policy(
  { keys = [owner], threshold = 1, ...rest }: Partial<TrustPolicy> & {
    keys?: readonly SigningKey[];
    threshold?: number;
  } = {},
): TrustPolicy {
  const trusted = trustKeys(keys.map(({ publicKey }) => publicKey), threshold);
  assert.ok(trusted.ok);
  return {
    trusted: trusted.value,
    image: IMAGE,
    minimumVersion: 1,
    clockTrusted: true,
    ...rest,
  };
}

/** What a client says to a manifest: a reason code, or `accepted`. */
export async function answerTo(
  bytes: Uint8Array<ArrayBuffer>,
  asked: TrustPolicy = policy(),
  now = NOW,
): Promise<string> {
  const verdict = await verifyEnvelope(bytes, asked, now);
  return verdict.ok ? "accepted" : verdict.reason.code;
}

/** The members of an envelope, as a forger edits them. */
export function membersOf(bytes: Uint8Array): JsonObject {
  return JSON.parse(new TextDecoder().decode(bytes));
}

/** An envelope of edited members. */
export function envelope(members: JsonObject): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(members));
}

/** What the signed bytes say. */
export function contentOf(bytes: Uint8Array): JsonObject {
  const opened = openEnvelope(bytes);
  assert.ok(opened.ok);
  return opened.value.content;
}

/** The files that an envelope names on its outside. */
export function artifactsOf(bytes: Uint8Array): JsonObject {
  const { artifacts } = membersOf(bytes);
  assert.ok(isJsonObject(artifacts));
  return artifacts;
}

/** The signatures of an envelope. */
export function signaturesOf(bytes: Uint8Array): readonly JsonObject[] {
  const { signatures } = membersOf(bytes);
  assert.ok(Array.isArray(signatures));
  return signatures;
}
