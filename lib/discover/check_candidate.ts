import type { ChannelArch } from "../core/channel_arch.ts";
import { type Clock, sleepInSteps } from "../core/clock.ts";
import { ok, refuseAs, type Result } from "../core/result.ts";
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

/** A provider that sends manifests within a moment sends this, too. */
const PATIENCE_MS = 500;

const SILENT = refuseAs("slow", "no answer, long after that of the manifest");

/** What a candidate is checked with. */
export interface CheckParts {
  /** The image that is wanted. */
  readonly image: ChannelArch;
  /** The trust policy that its manifest must satisfy. */
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
  const startMs = clock.monotonic();
  let patienceMs = PATIENCE_MS;
  const manifest = fetchManifest(manifestUrl, { httpGet, clock }, { signal })
    .finally(() => {
      patienceMs = Math.max(PATIENCE_MS, 2 * (clock.monotonic() - startMs));
    });
  // Given up some time after the manifest came: that showed what is usual.
  const fetchTrust: FetchTrust = async (trustVersion, { signal }) => {
    const ending = new AbortController();
    const bounds = { signal: AbortSignal.any([signal, ending.signal]) };
    const url = new URL(trustPath(trustVersion), manifestUrl);
    try {
      const bytes = await Promise.race([
        fetchManifest(url, { httpGet, clock }, bounds),
        manifest.then(() => sleepInSteps(clock, patienceMs, bounds))
          .then(() => SILENT),
      ]);
      // Another status than 200 is how a provider says that it has none.
      return !bytes.ok && bytes.reason.code === "status"
        ? ok(undefined)
        : bytes;
    } finally {
      ending.abort();
    }
  };
  const [bytes, policy] = await Promise.all([
    manifest,
    trust.policyFor(image, fetchTrust, {
      from: manifestUrl.host,
      now,
      signal,
    }),
  ]);
  if (!bytes.ok) return bytes;
  if (!policy.ok) return policy;
  return await verifyEnvelope(bytes.value, policy.value, now);
}
