import { type ChannelArch, formatChannelArch } from "../core/channel_arch.ts";
import { ExitCode } from "../core/exit_code.ts";
import { jsonLine } from "../core/printable.ts";
import {
  isRefusedManifest,
  type RefusedCandidate,
} from "./candidate_refusal.ts";
import type { Discovered } from "./discovery.ts";
import type { Provider } from "./provider.ts";

/** How `phase_discover` tells what it found. */
export interface ReportOptions {
  /** The image asked for. */
  readonly image: ChannelArch;
  /** For the message that time is up. */
  readonly timeoutSeconds: number;
  /** `text`: `MANIFEST_URL=...`; `json`: one object. */
  readonly format: "text" | "json";
  /** The bare URL, in place of `MANIFEST_URL=`. */
  readonly quiet: boolean;
  /** Every provider, one line or array element each. */
  readonly all: boolean;
  /**
   * Whether to tell also on success what was tried and refused; with `all`, that
   * is told unless `quiet`.
   */
  readonly explain: boolean;
}

/** What to print, and how to end. */
export interface Report {
  /** Results, for programs. */
  readonly stdout: readonly string[];
  /** Said at level `error` on failure, `info` otherwise. */
  readonly messages: readonly string[];
  /** Done, not found, or found and refused. */
  readonly exitCode: ExitCode;
}

/** Turns what was learned into lines and an exit code. */
export function reportDiscovery(
  result: Discovered,
  options: ReportOptions,
): Report {
  if (result.providers.length === 0) return reportFailure(result, options);
  const { all, explain, quiet } = options;
  const messages = explain || (all && !quiet) ? explanation(result) : [];
  return {
    stdout: resultLines(result, options),
    messages,
    exitCode: ExitCode.done,
  };
}

function resultLines(
  { providers, refused }: Discovered,
  { format, quiet, all }: ReportOptions,
): string[] {
  const shown = all ? providers : providers.slice(0, 1);
  if (format === "json") {
    const objects = shown.map(providerObject);
    return [
      jsonLine(
        all ? objects : { ...objects[0], refused: refused.map(refusedObject) },
      ),
    ];
  }
  return shown.map(({ candidate }) =>
    `${quiet ? "" : "MANIFEST_URL="}${candidate.manifestUrl.href}`
  );
}

/** Wire form of a provider. */
function providerObject(
  { candidate, manifest, verifiedBy, elapsedMs }: Provider,
): Record<string, unknown> {
  return {
    channel: candidate.image.channel,
    arch: candidate.image.arch,
    manifest_url: candidate.manifestUrl.href,
    version: manifest.version,
    peer_id: candidate.peerId ?? null,
    provider_name: candidate.providerName ?? null,
    source: candidate.source,
    verified_by: verifiedBy,
    elapsed_ms: Math.round(elapsedMs),
  };
}

/** Wire form of a candidate that was not taken. */
function refusedObject(
  { manifestUrl, refusal }: RefusedCandidate,
): Record<string, unknown> {
  return {
    manifest_url: manifestUrl.href,
    reason: refusal.code,
    message: refusal.message,
  };
}

/** Why there is no result, for programs. */
type FailureReason =
  /** Nobody said that he has the image. */
  | "nobody"
  /** Somebody did, but no manifest came from anybody. */
  | "unreachable"
  /** At least one manifest came, and none was accepted. */
  | "refused";

/**
 * What is wrong with the versions of manifests that one key signed: each stands
 * for one content, and each content for one version. A provider that signs for
 * itself knows nothing of another that does.
 */
export function versionConflict(
  providers: readonly Provider[],
): string | undefined {
  for (const [i, one] of providers.entries()) {
    for (const other of providers.slice(i + 1)) {
      const isSame = one.contentSha256 === other.contentSha256;
      const [newer, older] = [one, other]
        .map(({ manifest }) => manifest.manifestVersion);
      if ((newer === older) === isSame) continue;
      if (!one.verifiedBy.some((id) => other.verifiedBy.includes(id))) continue;
      const who = [one, other].map(({ candidate }) =>
        candidate.manifestUrl.href
      );
      const what = isSame
        ? `the same content as manifest_version ${newer} and ${older}`
        : `different content as manifest_version ${newer}`;
      return `${
        who.join(" and ")
      } sign ${what} with one key: let one mirror the other, or boxes that remember versions refuse one of them`;
    }
  }
  return undefined;
}

function reportFailure(
  result: Discovered,
  options: ReportOptions,
): Report {
  const { image, format } = options;
  const reason = failureReason(result);
  const problem = failureMessage(reason, result, options);
  return {
    stdout: format === "json"
      ? [jsonLine({
        error: problem,
        reason,
        channel: image.channel,
        arch: image.arch,
        available: result.others.map(formatChannelArch),
        refused: result.refused.map(refusedObject),
        tried: result.problems,
      })]
      : [],
    messages: [problem, ...explanation(result)],
    exitCode: reason === "refused" ? ExitCode.notVerified : ExitCode.notFound,
  };
}

function failureReason({ refused }: Discovered): FailureReason {
  if (refused.some(({ refusal }) => isRefusedManifest(refusal))) {
    return "refused";
  }
  return refused.length > 0 ? "unreachable" : "nobody";
}

function failureMessage(
  reason: FailureReason,
  { refused }: Discovered,
  { image, timeoutSeconds }: ReportOptions,
): string {
  const name = formatChannelArch(image);
  switch (reason) {
    case "refused":
      return `Cannot use any provider of ${name}: every manifest was refused`;
    case "unreachable": {
      const count = refused.filter((r) => r.isOtherAddress !== true).length;
      const found = `${count} provider${count === 1 ? "" : "s"} found`;
      // Some do answer, with an error or less than a manifest.
      const isSilent = refused.every(({ refusal: { code } }) =>
        code === "unreachable" || code === "slow"
      );
      return `Cannot find ${name}: ${found}, none ${
        isSilent ? "could be reached" : "sent a manifest"
      }`;
    }
    case "nobody":
      return `Cannot find ${name}: no provider answered within ${timeoutSeconds} s`;
  }
}

function explanation(
  { refused, problems, others }: Discovered,
): string[] {
  return [
    ...problems,
    ...refused.map(({ manifestUrl, refusal }) => {
      const what = isRefusedManifest(refusal) ? "Refused" : "No manifest from";
      return `${what} ${manifestUrl.href}: ${refusal.message} (${refusal.code})`;
    }),
    `Available: ${
      others.length === 0
        ? "no other channel/arch was seen"
        : others.map(formatChannelArch).join(", ")
    }`,
  ];
}
