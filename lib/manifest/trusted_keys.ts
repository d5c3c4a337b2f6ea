import { ok, refuse, refuseAs, type Result } from "../core/result.ts";
import type { Envelope } from "./envelope.ts";
import { type PublicKey, verifySignature } from "./public_key.ts";
import type { Refusal } from "./refusal.ts";
import { sha256 } from "./sha256.ts";

/** The keys whose signatures count, and how many are needed. */
export interface TrustedKeys {
  /** Keys by key id; never empty. */
  readonly keys: ReadonlyMap<string, PublicKey>;
  /** How many different keys must have signed: from 1 to all. */
  readonly threshold: number;
}

/**
 * Checks a choice of keys to trust.
 *
 * @param keys one given twice counts once
 * @param threshold how many of them must have signed
 */
export function trustKeys(
  keys: Iterable<PublicKey>,
  threshold: number,
): Result<TrustedKeys> {
  const byId = new Map([...keys].map((key) => [key.keyId, key]));
  if (byId.size === 0) return refuse("no key to trust");
  if (
    !Number.isSafeInteger(threshold) || threshold < 1 || threshold > byId.size
  ) {
    return refuse(
      `threshold ${threshold} does not fit ${byId.size} different keys: 1 to ${byId.size}`,
    );
  }
  return ok({ keys: byId, threshold });
}

/**
 * Checks the signatures of an envelope that trusted keys made; others are
 * ignored.
 *
 * @returns the ids of the trusted keys that did sign, sorted
 */
export async function checkSignatures(
  { data, signatures }: Envelope,
  { keys, threshold }: TrustedKeys,
): Promise<Result<string[], Refusal>> {
  if (signatures.length === 0) {
    return refuseAs("unsigned", "not signed");
  }
  const digest = await sha256(data);
  // Each key counts once, whatever the list of signatures looks like.
  const signedBy = new Set<string>();
  let wrong: string | undefined;
  for (const { keyId, signature } of signatures) {
    const key = keys.get(keyId);
    if (key === undefined) continue;
    if (await verifySignature(key, signature, digest)) signedBy.add(keyId);
    else wrong = keyId;
  }
  if (signedBy.size >= threshold) return ok([...signedBy].sort());
  if (wrong !== undefined) {
    return refuseAs(
      "bad_signature",
      `the signature of ${wrong} does not fit the content`,
    );
  }
  return signedBy.size === 0
    ? refuseAs("unknown_key", "signed by none of the trusted keys")
    : refuseAs(
      "below_threshold",
      `signed by ${signedBy.size} of the trusted keys, not by ${threshold}`,
    );
}
