import type { ChannelArch } from "../core/channel_arch.ts";
import { ok, refuseAs, type Result } from "../core/result.ts";
import { type BootManifest, parseManifest } from "./boot_manifest.ts";
import type { JsonObject } from "./canonical_json.ts";
import { type Envelope, openEnvelope, signedData } from "./envelope.ts";
import type { Refusal } from "./refusal.ts";
import { sha256 } from "./sha256.ts";
import { checkSignatures, type TrustedKeys } from "./trusted_keys.ts";
import { clockSays, MAX_CLOCK_LAG_MS } from "./clock_lag.ts";
import { formatTimestamp } from "./timestamp.ts";

/** What a client asks of a manifest. */
export interface TrustPolicy {
  /** The keys whose signatures count. Absent: no signature is verified. */
  readonly trusted?: TrustedKeys;
  /** The image that is wanted. */
  readonly image: ChannelArch;
  /** The lowest `manifest_version` that is accepted; 1 for any. */
  readonly minimumVersion: number;
  /** What was accepted last, where that is remembered. */
  readonly accepted?: {
    /** The highest so far. */
    readonly manifestVersion: number;
    /** As in {@linkcode VerifiedManifest}. */
    readonly contentSha256: string;
  };
  /**
   * False on a board that woke up in 1970: then nothing is too old or from
   * the future, and every other check stays.
   */
  readonly clockTrusted: boolean;
}

/** A manifest that passed every check of a policy. */
export interface VerifiedManifest {
  /** What the signed bytes say. */
  readonly manifest: BootManifest;
  /** The ids of the trusted keys that signed it, sorted; none without trust. */
  readonly verifiedBy: readonly string[];
  /** SHA-256 of {@linkcode contentOf} in canonical JSON, 64 hex digits. */
  readonly contentSha256: string;
  /** The envelope, byte for byte as it came. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** SHA-256 of `bytes`, 64 lower-case hex digits. */
  readonly sha256: string;
}

/**
 * Decides whether a client takes a manifest.
 *
 * @param bytes untrusted, as they came from the network
 * @param now milliseconds since 1970, the same for every manifest of one run
 */
export async function verifyEnvelope(
  bytes: Uint8Array<ArrayBuffer>,
  policy: TrustPolicy,
  now: number,
): Promise<Result<VerifiedManifest, Refusal>> {
  const envelope = openEnvelope(bytes);
  if (!envelope.ok) return envelope;
  const { trusted } = policy;
  const verifiedBy = trusted === undefined
    ? ok([])
    : await checkSignatures(envelope.value, trusted);
  if (!verifiedBy.ok) return verifiedBy;
  // Only now is the content worth a look.
  const manifest = manifestOf(envelope.value);
  if (!manifest.ok) return manifest;
  const content = signedData(contentOf(envelope.value.content));
  const [ofContent, ofBytes] = await Promise.all([
    sha256(content),
    sha256(bytes),
  ]);
  const verified = {
    manifest: manifest.value,
    verifiedBy: verifiedBy.value,
    contentSha256: ofContent.toHex(),
    bytes,
    sha256: ofBytes.toHex(),
  };
  return judge(verified, policy, now) ?? ok(verified);
}

/** The content that a manifest promises: all of it but dates and version. */
export function contentOf(signed: JsonObject): JsonObject {
  const { manifest_version: _, created_at: __, expires_at: ___, ...content } =
    signed;
  return content;
}

/**
 * Reads a manifest without checking its signatures, for clients without keys
 * and for providers.
 */
export function readEnvelope(
  bytes: Uint8Array,
): Result<BootManifest, Refusal> {
  const envelope = openEnvelope(bytes);
  return envelope.ok ? manifestOf(envelope.value) : envelope;
}

/** The manifest that an envelope holds. */
export function manifestOf(
  envelope: Envelope,
): Result<BootManifest, Refusal> {
  const manifest = parseManifest(envelope.content);
  return manifest.ok ? manifest : refuseAs("malformed", manifest.reason);
}

function judge(
  verified: VerifiedManifest,
  { image, clockTrusted, ...policy }: TrustPolicy,
  now: number,
): Result<never, Refusal> | undefined {
  const { manifest } = verified;
  if (manifest.image.channel !== image.channel) {
    return refuseAs(
      "wrong_channel",
      `for channel ${manifest.image.channel}, not ${image.channel}`,
    );
  }
  if (manifest.image.arch !== image.arch) {
    return refuseAs(
      "wrong_arch",
      `for ${manifest.image.arch}, not ${image.arch}`,
    );
  }
  if (clockTrusted && manifest.expiresAtMs <= now) {
    return refuseAs(
      "expired",
      `expired at ${formatTimestamp(manifest.expiresAtMs)}, ${clockSays(now)}`,
    );
  }
  if (clockTrusted && manifest.createdAtMs > now + MAX_CLOCK_LAG_MS) {
    return refuseAs(
      "from_the_future",
      `created at ${formatTimestamp(manifest.createdAtMs)}, ${
        clockSays(now)
      }, more than a day earlier`,
    );
  }
  return judgeVersion(verified, policy);
}

function judgeVersion(
  { manifest: { manifestVersion }, contentSha256 }: VerifiedManifest,
  { minimumVersion, accepted }: Pick<
    TrustPolicy,
    "minimumVersion" | "accepted"
  >,
): Result<never, Refusal> | undefined {
  const isSame = contentSha256 === accepted?.contentSha256;
  const why =
    "two providers sign for themselves, where one should mirror the other";
  if (manifestVersion < minimumVersion) {
    const older =
      `manifest_version ${manifestVersion} is older than ${minimumVersion}`;
    return refuseAs(
      "rollback",
      isSame
        ? `${older}, under which the same content was accepted: ${why}`
        : older,
    );
  }
  if (manifestVersion === accepted?.manifestVersion && !isSame) {
    return refuseAs(
      "other_content",
      `manifest_version ${manifestVersion} was accepted with other content: ${why}`,
    );
  }
  return undefined;
}
