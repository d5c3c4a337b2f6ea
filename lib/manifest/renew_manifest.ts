import { ok, refuse, type Result } from "../core/result.ts";
import { type BootManifest, parseManifest } from "./boot_manifest.ts";
import type { JsonObject } from "./canonical_json.ts";
import { openEnvelope } from "./envelope.ts";
import type { Refusal } from "./refusal.ts";
import { sealEnvelope } from "./sign_envelope.ts";
import type { SigningKey } from "./signing_key.ts";
import { CLOCK_SKEW_MS, formatTimestamp } from "./timestamp.ts";
import { checkSignatures, trustKeys } from "./trusted_keys.ts";
import { manifestOf } from "./verify_envelope.ts";

const DAY_MS = 86_400_000;

/** When a promise is given, and for how long. */
export interface Life {
  /** Milliseconds since 1970. */
  readonly now: number;
  /** How long the promise holds. */
  readonly expiresDays: number;
  /**
   * False on a machine that woke up in 1970: it keeps what is signed as long
   * as the content stays, since its own dates would be worse. @default true
   */
  readonly clockTrusted?: boolean;
}

/** A manifest that holds anew. */
export interface RenewedManifest {
  /** The envelope. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** What it says. */
  readonly manifest: BootManifest;
}

/**
 * Renews a manifest where only the keys are at hand, not the image: same
 * content and `manifest_version`, later expiry. Readers that remember a version
 * accept that.
 *
 * @param previous what was promised, by one of `signers` at least
 * @returns `previous` itself where all of them have signed it and more than
 * half of the promised time is left
 */
export async function renewManifest(
  previous: Uint8Array<ArrayBuffer>,
  signers: readonly SigningKey[],
  life: Life,
): Promise<Result<RenewedManifest, Refusal>> {
  const envelope = openEnvelope(previous);
  if (!envelope.ok) return envelope;
  const manifest = manifestOf(envelope.value);
  if (!manifest.ok) return manifest;
  const keys = trustKeys(signers.map(({ publicKey }) => publicKey), 1);
  if (!keys.ok) return refuse({ code: "unsigned", message: keys.reason });
  const signedBy = await checkSignatures(envelope.value, keys.value);
  if (!signedBy.ok) return signedBy;
  if (
    signedBy.value.length === keys.value.keys.size &&
    isFresh(manifest.value, life)
  ) {
    return ok({ bytes: previous, manifest: manifest.value });
  }
  const { createdAtMs } = manifest.value;
  const content = {
    ...envelope.value.content,
    ...datesOf(Math.min(createdAtMs, life.now), life),
  };
  const renewed = parseManifest(content);
  return renewed.ok
    ? ok({
      bytes: await sealEnvelope(content, signers),
      manifest: renewed.value,
    })
    : refuse({ code: "malformed", message: renewed.reason });
}

/** The dates of a promise. */
export function datesOf(
  createdAtMs: number,
  { now, expiresDays }: Life,
): JsonObject {
  return {
    created_at: formatTimestamp(createdAtMs),
    expires_at: formatTimestamp(now + expiresDays * DAY_MS),
  };
}

/**
 * Whether a promise has begun, and more than half of the time that is promised
 * now is left of it.
 */
export function hasHalfItsLife(
  { createdAtMs, expiresAtMs }: BootManifest,
  { now, expiresDays }: Life,
): boolean {
  return expiresAtMs - now > expiresDays * DAY_MS / 2 &&
    createdAtMs <= now + CLOCK_SKEW_MS;
}

/** Whether an earlier promise can stand unchanged. */
export function isFresh(manifest: BootManifest, life: Life): boolean {
  const { now, expiresDays, clockTrusted = true } = life;
  if (!clockTrusted) return true;
  // Dates from a clock that ran ahead are put right as well.
  return hasHalfItsLife(manifest, life) &&
    manifest.expiresAtMs - now <= expiresDays * DAY_MS + CLOCK_SKEW_MS;
}
