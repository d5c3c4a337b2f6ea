import { join, resolve } from "node:path";
import type { DiscoverValues } from "../config/discover_options.ts";
import { type ChannelArch, formatChannelArch } from "../core/channel_arch.ts";
import { type Clock, deadline } from "../core/clock.ts";
import type { Logger } from "../core/log.ts";
import { ok, refuse, type Result } from "../core/result.ts";
import type { StatusLine } from "../core/status_line.ts";
import type { ClientTrust } from "../discover/client_trust.ts";
import type { Discovered } from "../discover/discovery.ts";
import type { Provider } from "../discover/provider.ts";
import type { Report } from "../discover/report.ts";
import { byProducts } from "../fetch/by_products.ts";
import { type FetchFailure, fetchImage } from "../fetch/fetch_image.ts";
import { sourcesOf } from "../fetch/source_state.ts";
import {
  fileToFetch,
  type WantedFile,
  wantedFiles,
} from "../fetch/wanted_files.ts";
import { type Authorities, openHttpClient } from "../net/http1/get.ts";
import { fetchDisk } from "./fetch_disk.ts";
import {
  type FetchedParts,
  type FetchReportOptions,
  reportFetched,
  reportNotFetched,
} from "./fetch_report.ts";
import { FetchReporter, type LogEvent } from "./fetch_reporter.ts";

/** The result of a search, which continues until it is disposed of. */
export interface Found extends AsyncDisposable {
  /** What was known when it was enough. */
  readonly result: Discovered;
  /** Tells of each provider that came after that, or comes. */
  readonly follow: (onFurther: (provider: Provider) => void) => void;
}

/**
 * How an image is fetched that was found. Nothing here is state of a module: in
 * the bundle this one and all that it imports are another copy.
 */
export interface FetchRun {
  /** The command line. */
  readonly values: DiscoverValues;
  /** Below which directory it is put. */
  readonly directory: string;
  readonly image: ChannelArch;
  /** Says whether the manifest still counts. */
  readonly trust: Pick<ClientTrust, "stillTrusts">;
  /** For https. */
  readonly authorities: Authorities | undefined;
  /** Where the time comes from. */
  readonly clock: Clock;
  /**
   * When everything must be done, on the monotonic clock; undefined: as long as
   * some source is sending.
   */
  readonly deadlineMs: number | undefined;
  /** Hears what happens. */
  readonly logger: Logger;
  /** Shows how far it is. */
  readonly status: StatusLine | undefined;
  /** Takes what happens for programs, in place of both. */
  readonly logEvent: LogEvent | undefined;
  /** Looks for the image once more. */
  readonly findAgain: () => Promise<Found>;
}

/** Why a fetch ended: as its engine says, or as we do. */
type Failure = Pick<FetchFailure, "message"> & {
  readonly kind:
    | Exclude<FetchFailure["kind"], "aborted">
    | "no_artifact"
    | "no_longer_trusted"
    | "timeout";
};

const SUCCEEDED =
  "its manifest is signed by keys that have been succeeded, as another provider shows";

/** The failures after which another provider may have the file. */
const MAY_BE_ELSEWHERE: ReadonlySet<Failure["kind"]> = new Set(
  ["gone", "sources", "no_longer_trusted"] as const,
);

/**
 * Fetches an image that was found. If its providers no longer have it, for
 * example because a newer one has replaced it, the search is repeated once.
 *
 * @throws the signal's reason, when it aborts first
 */
export async function fetchFound(
  found: Found,
  run: FetchRun,
  { signal }: { readonly signal: AbortSignal },
): Promise<Report> {
  const [provider] = found.result.providers;
  if (provider === undefined) throw new TypeError("nothing was found");
  const first = await fetchFrom(provider, found, run, { signal });
  const options = reportOptions(provider, found, run);
  if (first.ok) return reportFetched(first.value, options);
  const failed = reportNotFetched(first.reason, options);
  if (!MAY_BE_ELSEWHERE.has(first.reason.kind)) return failed;
  run.logger.warn(`${first.reason.message}; looking for it once more`);
  await found[Symbol.asyncDispose]();
  const again = await run.findAgain();
  const [other] = again.result.providers;
  // An older one would be a rollback, whatever --state says.
  if (
    other === undefined ||
    other.manifest.manifestVersion < provider.manifest.manifestVersion
  ) return failed;
  const second = await fetchFrom(other, again, run, { signal });
  const otherOptions = reportOptions(other, again, run);
  return second.ok
    ? reportFetched(second.value, otherOptions)
    : reportNotFetched(second.reason, otherOptions);
}

function reportOptions(
  provider: Provider,
  { result: { refused } }: Found,
  { values: { format, quiet, insecure }, directory, image }: FetchRun,
): FetchReportOptions {
  return {
    ...{ provider, refused, insecure, format, quiet },
    directory: directoryOf(directory, image),
  };
}

function directoryOf(
  directory: string,
  { channel, arch }: ChannelArch,
): string {
  return join(resolve(directory), channel, arch);
}

/** Fetches what one provider promises from all that have the same content. */
async function fetchFrom(
  provider: Provider,
  found: Found,
  run: FetchRun,
  { signal }: { readonly signal: AbortSignal },
): Promise<Result<FetchedParts, Failure>> {
  const { values, image, clock, logger, trust } = run;
  const name = formatChannelArch(image);
  const wanted = wantedFiles(provider.manifest, values.artifact);
  if (!wanted.ok) {
    return refuse({
      kind: "no_artifact",
      message: `Cannot fetch ${name}: ${wanted.reason}`,
    });
  }
  const made = byProducts(
    { ...provider, manifestUrl: provider.candidate.manifestUrl },
    wanted.value.map(({ artifact }) => artifact),
  );
  for (const warning of made.warnings) logger.warn(warning);
  const startMs = clock.monotonic();
  const { deadlineMs } = run;
  using limit = deadlineMs === undefined
    ? undefined
    : deadline(clock, deadlineMs - startMs, { signal });
  const distrust = new AbortController();
  const { contentSha256 } = provider;
  const sources = sourcesOf(contentSha256, found.result.providers);
  found.follow((further) => {
    sources.push(...sourcesOf(contentSha256, [further]));
    if (!trust.stillTrusts(provider)) distrust.abort(new Error(SUCCEEDED));
  });
  using reporter = openReporter(wanted.value, run);
  const files = wanted.value.map(({ artifact }) => fileToFetch(artifact));
  using client = openHttpClient({ authorities: run.authorities });
  const fetched = await fetchImage({
    ...{ files, extras: made.extras, sources, clock, disk: fetchDisk },
    httpGet: client.get,
    directory: directoryOf(run.directory, image),
    onEvent: (event) => reporter.receive(event),
  }, {
    signal: AbortSignal.any([limit?.signal ?? signal, distrust.signal]),
  });
  signal.throwIfAborted();
  if (fetched.ok) {
    const seconds = (clock.monotonic() - startMs) / 1000;
    return ok({ image: fetched.value, wanted: wanted.value, made, seconds });
  }
  const { kind, message } = fetched.reason;
  return refuse({
    message,
    kind: kind !== "aborted"
      ? kind
      : distrust.signal.aborted
      ? "no_longer_trusted"
      : "timeout",
  });
}

function openReporter(
  wanted: readonly WantedFile[],
  { values: { quiet }, image, clock, logger, logEvent, status }: FetchRun,
): FetchReporter {
  return new FetchReporter({
    ...{ image, clock, logger, logEvent, status, quiet },
    files: wanted.map(({ artifact: { filename, sizeBytes } }) => ({
      ...{ path: filename, sizeBytes },
    })),
  });
}
