import { type ChannelArch, formatChannelArch } from "../core/channel_arch.ts";
import { ExitCode } from "../core/exit_code.ts";
import { jsonLine, printable } from "../core/printable.ts";
import type { Artifact, BootManifest } from "../manifest/boot_manifest.ts";
import {
  isRefusedManifest,
  type RefusedCandidate,
} from "./candidate_refusal.ts";
import type { Discovered } from "./discovery.ts";
import { type Provider, whyNot } from "./provider.ts";

/** How `phase_discover` reports its result. */
export interface ReportOptions {
  /** The image asked for. */
  readonly image: ChannelArch;
  /** For the message about the timeout. */
  readonly timeoutSeconds: number;
  /** `text`: `MANIFEST_URL=...`; `json`: one object. */
  readonly format: "text" | "json";
  /** The bare URL, in place of `MANIFEST_URL=`. */
  readonly quiet: boolean;
  /** Every provider, one line or array element each. */
  readonly all: boolean;
  /**
   * Whether to tell also on success what was tried and refused; with `all`, that
   * is told unless `quiet`; and why one provider was chosen and no other.
   */
  readonly explain: boolean;
  /** Why no other machine can be asked, where that is so at the end. */
  readonly noNetwork?: string | undefined;
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
  if (explain) messages.push(...choice(result));
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
export function providerObject(
  { candidate, manifest, verifiedBy, sha256, elapsedMs }: Provider,
): Record<string, unknown> {
  return {
    channel: candidate.image.channel,
    arch: candidate.image.arch,
    manifest_url: candidate.manifestUrl.href,
    manifest_sha256: sha256,
    version: manifest.version,
    peer_id: candidate.peerId ?? null,
    provider_name: candidate.providerName ?? null,
    source: candidate.source,
    verified_by: verifiedBy,
    ...manifest.cmdline !== undefined && { cmdline: manifest.cmdline },
    artifacts: artifactObjects(manifest, candidate.manifestUrl),
    ...manifest.initrds.length > 0 && { initrds: manifest.initrds },
    elapsed_ms: Math.round(elapsedMs),
  };
}

/** As in a manifest, with whole URLs: what a script holds against what came. */
function artifactObjects(
  { kernel, initramfs, rootfs, dtbs, files }: BootManifest,
  manifestUrl: URL,
): Record<string, unknown> {
  const object = ({ filename, sha256, sizeBytes, urls }: Artifact) => ({
    filename,
    hash: `sha256:${sha256}`,
    size: sizeBytes,
    urls: urls.map((url) => new URL(url, manifestUrl).href),
  });
  const byPath = (all: readonly Artifact[]) =>
    Object.fromEntries(all.map((one) => [one.filename, object(one)]));
  return {
    kernel: object(kernel),
    ...initramfs !== undefined && { initramfs: object(initramfs) },
    ...rootfs !== undefined && { rootfs: object(rootfs) },
    ...dtbs.length > 0 && { dtbs: byPath(dtbs) },
    ...files.length > 0 && { files: byPath(files) },
  };
}

/** Wire form of a candidate that was not taken. */
export function refusedObject(
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
  /** This machine has no address by which it could ask anybody. */
  | "no_address"
  /** No one claimed to have the image. */
  | "nobody"
  /** Some claimed to have it, but no manifest could be fetched. */
  | "unreachable"
  /** At least one manifest was fetched, and none was accepted. */
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
  const reason = failureReason(result, options);
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

function failureReason(
  { refused, others }: Discovered,
  { noNetwork }: ReportOptions,
): FailureReason {
  if (refused.some(({ refusal }) => isRefusedManifest(refusal))) {
    return "refused";
  }
  if (refused.length > 0) return "unreachable";
  return noNetwork !== undefined && others.length === 0
    ? "no_address"
    : "nobody";
}

function failureMessage(
  reason: FailureReason,
  { refused, isTimeUp }: Discovered,
  { image, timeoutSeconds, noNetwork }: ReportOptions,
): string {
  const name = formatChannelArch(image);
  switch (reason) {
    case "no_address":
      return `Cannot find ${name}: ${noNetwork}: did DHCP work?`;
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
      return `Cannot find ${name}: ${
        isTimeUp
          ? `no provider answered within ${timeoutSeconds} s`
          : "there is nobody to ask"
      }`;
  }
}

/** Which provider was chosen, and why not the others. */
function choice(
  { providers: [chosen, ...others], unanswered }: Discovered,
): string[] {
  if (chosen === undefined) return [];
  const { candidate, manifest, verifiedBy, elapsedMs } = chosen;
  const signers = verifiedBy.length === 0 ? "no key" : verifiedBy.join(", ");
  return [
    `Chosen ${candidate.manifestUrl.href}: by ${candidate.source}, manifest_version ${manifest.manifestVersion}, verified by ${signers}, after ${
      Math.round(elapsedMs)
    } ms`,
    ...others.map((other) =>
      `Not chosen ${other.candidate.manifestUrl.href}: ${whyNot(chosen, other)}`
    ),
    ...unanswered.map((url) =>
      `Not chosen ${url.href}: its manifest had not come yet`
    ),
  ];
}

/**
 * One line of progress for a terminal.
 *
 * @param elapsedMs since the start of the process, as the timeout counts
 * @param columns how many characters fit
 */
export function progressLine(
  { providers, refused, problems }: Discovered,
  { image, timeoutSeconds }: Pick<ReportOptions, "image" | "timeoutSeconds">,
  { elapsedMs, columns }: {
    readonly elapsedMs: number;
    readonly columns: number;
  },
): string {
  const [found, tried] = [providers, refused].map(({ length }) =>
    `${length} provider${length === 1 ? "" : "s"}`
  );
  const state = providers.length > 0
    ? `${found} found`
    : refused.length > 0
    ? `${tried} found, no manifest yet: ${refused.at(-1)?.refusal.message}`
    : problems.at(-1) ?? "nobody is asked yet";
  const text = `Looking for ${formatChannelArch(image)}, ${
    Math.floor(elapsedMs / 1000)
  } of ${timeoutSeconds} s: ${state}`;
  return printable(text, Math.max(1, columns - 1));
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
