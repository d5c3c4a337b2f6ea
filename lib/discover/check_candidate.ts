import type { Clock } from "../core/clock.ts";
import type { Result } from "../core/result.ts";
import { trustPath } from "../manifest/trust_chain.ts";
import {
  type TrustPolicy,
  type VerifiedManifest,
  verifyEnvelope,
} from "../manifest/verify_envelope.ts";
import type { HttpGet } from "../net/http1/reply.ts";
import type { CandidateRefusal } from "./candidate_refusal.ts";
import { fetchManifest } from "./fetch_manifest.ts";
import type { Candidate } from "./source.ts";

/** What a candidate is checked with. */
export interface CheckParts {
  /** What is asked of this candidate's manifest. */
  readonly policyFor: (
    options: { readonly now: number; readonly signal: AbortSignal },
  ) => Promise<Result<TrustPolicy, CandidateRefusal>>;
  /** The network. */
  readonly httpGet: HttpGet;
  /** The time. */
  readonly clock: Clock;
}

/**
 * Fetches the manifest that a candidate points to and holds it against the
 * policy. What the candidate itself says of the image is not believed.
 *
 * @throws only the signal's reason, when it aborts first
 */
export async function checkCandidate(
  candidate: Candidate,
  { policyFor, httpGet, clock }: CheckParts,
  { signal }: { readonly signal: AbortSignal },
): Promise<Result<VerifiedManifest, CandidateRefusal>> {
  const now = clock.now();
  const [bytes, policy] = await Promise.all([
    fetchManifest(candidate.manifestUrl, { httpGet, clock }, { signal }),
    policyFor({ now, signal }),
  ]);
  if (!bytes.ok) return bytes;
  if (!policy.ok) return policy;
  return await verifyEnvelope(bytes.value, policy.value, now);
}

/**
 * A trust document of the provider that a candidate points to, or undefined
 * when it has none: whatever goes wrong, the provider is free to hold it back.
 */
export async function fetchTrustDocument(
  candidate: Candidate,
  trustVersion: number,
  { httpGet, clock }: Pick<CheckParts, "httpGet" | "clock">,
  { signal }: { readonly signal: AbortSignal },
): Promise<Uint8Array | undefined> {
  const url = new URL(trustPath(trustVersion), candidate.manifestUrl);
  const bytes = await fetchManifest(url, { httpGet, clock }, { signal });
  return bytes.ok ? bytes.value : undefined;
}
