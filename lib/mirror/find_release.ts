import type { ChannelArch } from "../core/channel_arch.ts";
import type { Clock } from "../core/clock.ts";
import { ok, refuse, refuseAs, type Result } from "../core/result.ts";
import {
  type CandidateRefusal,
  isRefusedManifest,
} from "../discover/candidate_refusal.ts";
import { checkCandidate } from "../discover/check_candidate.ts";
import type { ClientTrust } from "../discover/client_trust.ts";
import { discover } from "../discover/discover.ts";
import type { Candidate, Source } from "../discover/source.ts";
import type { VerifiedManifest } from "../manifest/verify_envelope.ts";
import type { HttpGet } from "../net/http1/reply.ts";

/** What a mirror looks for, and the means. */
export interface FindReleaseOptions {
  readonly image: ChannelArch;
  /** What it has whole, if anything. */
  readonly has: VerifiedManifest | undefined;
  /** Decides what is accepted. */
  readonly trust: ClientTrust;
  /** Asked at the same time. */
  readonly sources: readonly Source[];
  /** Whether a candidate is this mirror itself. */
  readonly isOwn: (candidate: Candidate) => boolean;
  /** Hears of DHT nodes that can be joined through. */
  readonly onPeer: (multiaddr: string) => void;
  /** How long to search when no provider has anything newer. */
  readonly timeoutMs: number;
  /** The network. */
  readonly httpGet: HttpGet;
  /** The time. */
  readonly clock: Clock;
}

/** A provider, and the manifest by a trusted key that it has. */
export interface ReleaseAt extends VerifiedManifest {
  readonly candidate: Candidate;
}

/** A manifest that came and was not accepted. */
export interface RefusedRelease {
  readonly candidate: Candidate;
  /** Why not. */
  readonly refusal: CandidateRefusal;
}

/** The result of asking the other providers. */
export interface FoundReleases {
  /** The newest that is to take the place of what the mirror has. */
  readonly newest: VerifiedManifest | undefined;
  /** Other providers whose manifests were accepted, those on the LAN first. */
  readonly providers: readonly ReleaseAt[];
  /** Manifests that were not, in the order they came. */
  readonly refused: readonly RefusedRelease[];
  /** What was tried and what did not work. */
  readonly problems: readonly string[];
}

/**
 * Asks others for a release that is newer than what a mirror has, until one is
 * found or time is up. Others that have the same are met meanwhile.
 *
 * @throws the signal's reason, when it aborts
 */
export async function findRelease(
  options: FindReleaseOptions,
  { signal }: { readonly signal: AbortSignal },
): Promise<FoundReleases> {
  const { image, has, trust, sources, isOwn, onPeer, ...tools } = options;
  const { clock, httpGet, timeoutMs } = tools;
  const providers: ReleaseAt[] = [];
  const refused: RefusedRelease[] = [];
  await using result = await discover({
    image,
    timeoutMs,
    sources: sources.map((source) => withoutOwn(source, isOwn)),
    async check(candidate, options) {
      const parts = { image, trust, httpGet, clock };
      const checked = await checkCandidate(candidate, parts, options);
      const judged = checked.ok
        ? judgeRelease(
          checked.value,
          has && trust.stillTrusts(has) ? has : undefined,
        )
        : checked;
      if (checked.ok && (judged.ok || judged.reason === AS_BEFORE)) {
        providers.push({ ...checked.value, candidate });
      } else if (!judged.ok && isRefusedManifest(judged.reason)) {
        refused.push({ candidate, refusal: judged.reason });
      }
      return judged;
    },
    stillTrusts: (verified) => trust.stillTrusts(verified),
    onPeer,
    all: false,
    clock,
  }, { signal });
  return {
    newest: result.providers[0],
    providers: providers.filter((verified) => trust.stillTrusts(verified))
      .sort((a, b) => isOnLan(b) - isOnLan(a)),
    refused,
    problems: [...result.problems, ...trust.problems],
  };
}

/** The provider has what the mirror already has; the search continues. */
const AS_BEFORE: CandidateRefusal = {
  code: "rollback",
  message: "not newer than what this mirror has",
};

/**
 * Whether a release is to take the place of another: a higher version, or the
 * same promise signed anew since, or by more of the keys. Never a lower one, and never another content
 * under the same version.
 *
 * @param has that is trusted; undefined: anything is better
 */
export function judgeRelease(
  found: VerifiedManifest,
  has: VerifiedManifest | undefined,
): Result<VerifiedManifest, CandidateRefusal> {
  if (has === undefined) return ok(found);
  const [version, hasVersion] = [found, has]
    .map(({ manifest }) => manifest.manifestVersion) as [number, number];
  if (version > hasVersion) return ok(found);
  if (version < hasVersion) {
    return refuseAs(
      "rollback",
      `manifest_version ${version} is older than ${hasVersion}`,
    );
  }
  if (found.contentSha256 !== has.contentSha256) {
    return refuseAs(
      "other_content",
      `this mirror has manifest_version ${version} with other content`,
    );
  }
  return isRenewalOf(found, has) ? ok(found) : refuse(AS_BEFORE);
}

/** Whether of two promises of the same one holds longer, or convinces more. */
function isRenewalOf(found: VerifiedManifest, has: VerifiedManifest): boolean {
  const longerMs = found.manifest.expiresAtMs - has.manifest.expiresAtMs;
  return longerMs > 0 ||
    longerMs === 0 && found.verifiedBy.length > has.verifiedBy.length;
}

function isOnLan({ candidate }: ReleaseAt): number {
  return Number(candidate.source === "mdns");
}

/** A mirror is not asked for what it looks for. */
function withoutOwn(
  source: Source,
  isOwn: (candidate: Candidate) => boolean,
): Source {
  return {
    name: source.name,
    async *find(image, options) {
      for await (const finding of source.find(image, options)) {
        if (finding.kind === "candidate" && isOwn(finding.candidate)) continue;
        yield finding;
      }
    },
  };
}

/**
 * Whether a candidate is this mirror itself, under one of its addresses.
 *
 * @param own `addresses`: those of this machine, at which it serves
 */
export function isOwnCandidate(
  { peerId, manifestUrl }: Candidate,
  own: {
    readonly peerId: string | undefined;
    readonly advertiseUrl: string | undefined;
    readonly httpPort: number;
    readonly addresses: readonly string[];
  },
): boolean {
  const { href, hostname, port, protocol } = manifestUrl;
  if (peerId !== undefined && peerId === own.peerId) return true;
  if (
    own.advertiseUrl !== undefined && href.startsWith(`${own.advertiseUrl}/`)
  ) return true;
  const host = hostname.replace(/^\[|\]$/g, "");
  return protocol === "http:" && Number(port || 80) === own.httpPort &&
    own.addresses.includes(host);
}
