import type { VerifiedManifest } from "../manifest/verify_envelope.ts";
import type { Candidate } from "./source.ts";

/** A candidate whose manifest was fetched and passed every check. */
export interface Provider extends VerifiedManifest {
  /** Where it came from. */
  readonly candidate: Candidate;
  /** Since the start of the discovery. */
  readonly elapsedMs: number;
}

/** What makes one provider better than another, the weightiest first. */
const REASONS: readonly {
  /** Positive where `a` is the better one, zero where it makes no difference. */
  readonly compare: (a: Provider, b: Provider) => number;
  /** Why `b` is not the better one then. */
  readonly says: (a: Provider, b: Provider) => string;
}[] = [
  {
    compare: (a, b) => isVerified(a) - isVerified(b),
    says: () => "no trusted key has signed its manifest",
  },
  {
    compare: (a, b) => a.manifest.manifestVersion - b.manifest.manifestVersion,
    says: (a, b) =>
      `manifest_version ${b.manifest.manifestVersion} is older than ${a.manifest.manifestVersion}`,
  },
  {
    compare: (a, b) => isOnLan(a) - isOnLan(b),
    says: () => "as good, but found in the DHT and not on the LAN",
  },
  {
    compare: (a, b) => b.elapsedMs - a.elapsedMs,
    says: (a, b) =>
      `as good, but ${Math.round(b.elapsedMs - a.elapsedMs)} ms later`,
  },
];

function isVerified({ verifiedBy }: Provider): number {
  return Number(verifiedBy.length > 0);
}

function isOnLan({ candidate }: Provider): number {
  return Number(candidate.source === "mdns");
}

/** Orders providers: verified, then newer, then on the LAN, then quicker. */
export function betterFirst(a: Provider, b: Provider): number {
  for (const { compare } of REASONS) {
    const difference = compare(b, a);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Why the first of two providers comes before the other: a clause. */
export function whyNot(better: Provider, other: Provider): string {
  const reason = REASONS.find(({ compare }) => compare(better, other) > 0);
  return reason?.says(better, other) ?? "as good, but named later";
}
