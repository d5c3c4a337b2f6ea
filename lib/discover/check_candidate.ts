import type { ChannelArch } from "../core/channel_arch.ts";
import type { Clock } from "../core/clock.ts";
import type { Result } from "../core/result.ts";
import { type FetchTrust, trustPath } from "../manifest/trust_chain.ts";
import {
  type VerifiedManifest,
  verifyEnvelope,
} from "../manifest/verify_envelope.ts";
import type { HttpGet } from "../net/http1/reply.ts";
import type { CandidateRefusal } from "./candidate_refusal.ts";
import type { ClientTrust } from "./client_trust.ts";
import { fetchManifest } from "./fetch_manifest.ts";
import type { Candidate } from "./source.ts";

/** What a candidate is checked with. */
export interface CheckParts {
  /** The image that is wanted. */
  readonly image: ChannelArch;
  /** Says what is asked of its manifest. */
  readonly trust: Pick<ClientTrust, "policyFor">;
  /** The network. */
  readonly httpGet: HttpGet;
  /** The time. */
  readonly clock: Clock;
}

/**
 * Fetches the manifest that a candidate points to and holds it against what is
 * asked of it. What the candidate itself says of the image is not believed.
 *
 * @throws only the signal's reason, when it aborts first
 */
export async function checkCandidate(
  { manifestUrl }: Candidate,
  { image, trust, httpGet, clock }: CheckParts,
  { signal }: { readonly signal: AbortSignal },
): Promise<Result<VerifiedManifest, CandidateRefusal>> {
  const now = clock.now();
  // Whatever goes wrong: the provider is free to hold a document back.
  const fetchTrust: FetchTrust = async (trustVersion, { signal }) => {
    const url = new URL(trustPath(trustVersion), manifestUrl);
    const bytes = await fetchManifest(url, { httpGet, clock }, { signal });
    return bytes.ok ? bytes.value : undefined;
  };
  const [bytes, policy] = await Promise.all([
    fetchManifest(manifestUrl, { httpGet, clock }, { signal }),
    trust.policyFor(image, fetchTrust, { now, signal }),
  ]);
  if (!bytes.ok) return bytes;
  if (!policy.ok) return policy;
  return await verifyEnvelope(bytes.value, policy.value, now);
}
