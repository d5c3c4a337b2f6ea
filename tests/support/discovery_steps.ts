import { ok, refuse } from "../../lib/core/result.ts";
import type { CandidateRefusalCode } from "../../lib/discover/candidate_refusal.ts";
import {
  type Discovered,
  Discovery,
  type DiscoveryOptions,
} from "../../lib/discover/discovery.ts";
import type { Candidate, Finding } from "../../lib/discover/source.ts";
import type { VerifiedManifest } from "../../lib/manifest/verify_envelope.ts";
import { candidate, verified } from "./memory_source.ts";

const IMAGE = { channel: "stable", arch: "arm64" };

/** A discovery of stable/arm64 that begins at 0 ms. */
export function start(
  options: Partial<DiscoveryOptions> = {},
  sources = 1,
): Discovery {
  const defaults = { image: IMAGE, all: false, timeoutMs: 10_000 };
  return new Discovery({ ...defaults, ...options }, sources, 0);
}

/** That a source has heard of a candidate at a host. */
export function found(
  host: string,
  overrides: Partial<Candidate> = {},
): Extract<Finding, { readonly kind: "candidate" }> {
  return { kind: "candidate", candidate: candidate(host, overrides) };
}

/** Has the check of a host's manifest end well. */
export function accept(
  discovery: Discovery,
  host: string,
  nowMs: number,
  manifest: VerifiedManifest = verified(),
): Candidate[] {
  return discovery.checked(candidate(host), ok(manifest), nowMs);
}

/** Has the check of a host's manifest end with a refusal. */
export function reject(
  discovery: Discovery,
  host: string,
  nowMs: number,
  code: CandidateRefusalCode,
): Candidate[] {
  const refusal = { code, message: "as the test says" };
  return discovery.checked(candidate(host), refuse(refusal), nowMs);
}

/** Whose manifests are to be fetched. */
export function checkedHosts(candidates: readonly Candidate[]): string[] {
  return candidates.map(({ manifestUrl }) => manifestUrl.host);
}

/** Whose manifests were taken, best first. */
export function hosts({ providers }: Discovered): string[] {
  return providers.map(({ candidate }) => candidate.manifestUrl.host);
}

/** Who was refused, and by which code. */
export function refusals({ refused }: Discovered): string[][] {
  return refused.map(({ manifestUrl, refusal }) => [
    manifestUrl.host,
    refusal.code,
  ]);
}
