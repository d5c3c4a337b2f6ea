import type { Clock } from "../core/clock.ts";
import { ok, type Result } from "../core/result.ts";
import {
  type TrustPolicy,
  verifyEnvelope,
} from "../manifest/verify_envelope.ts";
import type { CheckedManifest } from "./discover.ts";
import { type Fetch, fetchManifest } from "./fetch_manifest.ts";
import type { Refusal } from "./refusal.ts";
import type { Candidate } from "./source.ts";

/**
 * Fetches the manifest that a candidate points to and holds it against the
 * policy. What the candidate itself says of the image is not believed.
 */
export async function checkCandidate(
  candidate: Candidate,
  { policy, fetch, clock }: {
    readonly policy: TrustPolicy;
    readonly fetch: Fetch;
    readonly clock: Clock;
  },
  { signal }: { readonly signal: AbortSignal },
): Promise<Result<CheckedManifest, Refusal>> {
  const bytes = await fetchManifest(candidate.manifestUrl, { fetch, clock }, {
    signal,
  });
  if (!bytes.ok) return bytes;
  const verdict = await verifyEnvelope(bytes.value, policy, clock.now());
  if (!verdict.ok) return verdict;
  const { manifest, verifiedBy } = verdict.value;
  return ok({ version: manifest.version, verifiedBy });
}
