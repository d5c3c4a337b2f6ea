import { whenAborted } from "../core/abort.ts";
import {
  checkFetchOptions,
  DEFAULT_TIMEOUT_S,
  type DiscoverValues,
} from "../config/discover_options.ts";
import { type ChannelArch, parseArch } from "../core/channel_arch.ts";
import { deadline, systemClock } from "../core/clock.ts";
import { UsageError, UserError } from "../core/errors.ts";
import type { ExitCode } from "../core/exit_code.ts";
import type { Logger } from "../core/log.ts";
import { messageOf } from "../core/printable.ts";
import type { StatusLine } from "../core/status_line.ts";
import { RELEASED_AT_MS } from "../core/version.ts";
import { checkCandidate } from "../discover/check_candidate.ts";
import { ClientTrust } from "../discover/client_trust.ts";
import { discover, type DiscoverOptions } from "../discover/discover.ts";
import type { Discovered } from "../discover/discovery.ts";
import type { Provider } from "../discover/provider.ts";
import {
  progressLine,
  type Report,
  reportDiscovery,
  versionConflict,
} from "../discover/report.ts";
import { clockLagWarning } from "../manifest/clock_lag.ts";
import { type Authorities, httpGet } from "../net/http1/get.ts";
import { systemAddresses, whyNoNetwork } from "../net/interfaces.ts";
import { disk } from "./disk.ts";
import type { Found } from "./fetch_found.ts";
import { openSources } from "./open_sources.ts";
import {
  openEventLog,
  openLogger,
  openStatusLine,
  writeResult,
} from "./output.ts";
import { readAnchor } from "./read_anchor.ts";

/** More than a search on a network that works; a flood is not to be logged. */
const MAX_TRACED = 2000;

/** Finds an image on real sockets, prints the result, and says how to end. */
export async function runDiscover(
  values: DiscoverValues,
  { signal }: { readonly signal: AbortSignal },
): Promise<ExitCode> {
  const logger = openLogger({
    level: values.logLevel,
    format: values.logFormat,
  });
  checkFetchOptions(values);
  requirePermissions();
  const image = { channel: values.channel, arch: values.arch ?? ownArch() };
  const clockTrusted = systemClock.now() >= RELEASED_AT_MS;
  if (!clockTrusted) {
    logger.warn("This machine's clock was never set: expiry is not checked");
  }
  // By the system's clock, counted from the start of the process: a machine
  // that loads the program slowly need not wait for it again.
  const timeoutMs = timeoutSeconds(values) * 1000;
  const [trust, authorities] = await openNamedFiles(values, {
    timeoutMs: timeoutMs - systemClock.monotonic(),
    clockTrusted,
    signal,
  });
  const status = values.quiet || values.logFormat === "json"
    ? undefined
    : openStatusLine();
  const find = async (deadlineMs: number) => {
    const search = { values, image, trust, authorities, clockTrusted, logger };
    return await findImage({ ...search, status, deadlineMs }, { signal });
  };
  const found = await find(timeoutMs);
  const report = tell(found.result, image, values, logger);
  const { fetch: directory } = values;
  if (directory === undefined || found.result.providers.length === 0) {
    await writeResult(report.stdout, { signal });
    return report.exitCode;
  }
  // Not before: a search has no use for it.
  const { fetchFound } = await import("./fetch_found.ts");
  const isBounded = values.timeout !== undefined;
  const fetched = await fetchFound(found, {
    ...{ values, directory, image, trust, authorities, logger, status },
    logEvent: values.format === "json" || values.logFormat === "json"
      ? openEventLog(values.logLevel)
      : undefined,
    clock: systemClock,
    deadlineMs: isBounded ? timeoutMs : undefined,
    findAgain: () =>
      find(isBounded ? timeoutMs : systemClock.monotonic() + timeoutMs),
  }, { signal });
  for (const message of fetched.messages) logger.error(message);
  await writeResult(fetched.stdout, { signal });
  return fetched.exitCode;
}

function timeoutSeconds({ timeout }: DiscoverValues): number {
  return timeout ?? DEFAULT_TIMEOUT_S;
}

/** What `--trust`, `--key`, `--state` and `--ca` name, within a time. */
async function openNamedFiles(
  values: DiscoverValues,
  { timeoutMs, clockTrusted, signal }: {
    readonly timeoutMs: number;
    readonly clockTrusted: boolean;
    readonly signal: AbortSignal;
  },
): Promise<[ClientTrust, Authorities | undefined]> {
  using limit = deadline(systemClock, timeoutMs, { signal });
  const opened = await Promise.race([
    Promise.all([
      openTrust(values, clockTrusted, { signal }),
      readAuthorities(values.ca),
    ]),
    whenAborted(limit.signal),
  ]);
  signal.throwIfAborted();
  if (opened !== undefined) return opened;
  throw new UserError(
    `Cannot read what --trust, --key, --state and --ca name within ${
      timeoutSeconds(values)
    } s: nobody writes to that pipe, or the disk does not answer`,
  );
}

/** What a search needs. */
interface SearchParts {
  readonly values: DiscoverValues;
  readonly image: ChannelArch;
  readonly trust: ClientTrust;
  readonly authorities: Authorities | undefined;
  readonly clockTrusted: boolean;
  readonly logger: Logger;
  readonly status: StatusLine | undefined;
  /** On the monotonic clock. */
  readonly deadlineMs: number;
}

/** Looks for an image, and remembers what was found. */
async function findImage(
  parts: SearchParts,
  { signal }: { readonly signal: AbortSignal },
): Promise<Found> {
  const { values, image, trust, authorities, status, logger } = parts;
  const { clockTrusted } = parts;
  const { sources, dht } = openSources(values, {
    ...{ clockTrusted, logger },
    environment: (name) => Deno.env.get(name),
  });
  const further: Provider[] = [];
  let onFurther = (provider: Provider): void => void further.push(provider);
  // A caller that ends the process need not dispose of it: that closes the
  // sockets, and sooner.
  const search = await discover({
    image,
    timeoutMs: parts.deadlineMs - systemClock.monotonic(),
    sources,
    check: (candidate, options) =>
      checkCandidate(candidate, {
        ...{ image, trust, clock: systemClock },
        httpGet: (url, bounds) => httpGet(url, { ...bounds, authorities }),
      }, options),
    stillTrusts: (verified) => trust.stillTrusts(verified),
    onPeer: (multiaddr) => dht?.addPeer(multiaddr),
    all: values.all,
    clock: systemClock,
    ...values.fetch !== undefined &&
      { onFurther: (provider) => onFurther(provider) },
    ...watching(values, image, logger, status),
  }, { signal }).finally(() => status?.clear());
  const result = {
    ...search,
    problems: [...search.problems, ...trust.problems],
  };
  // Stored before it is printed: the power may be cut as soon as the result is
  // out.
  await remember(result, trust, clockTrusted, logger, { signal });
  return {
    result,
    follow(listener) {
      further.forEach(listener);
      onFurther = listener;
    },
    [Symbol.asyncDispose]: () => search[Symbol.asyncDispose](),
  };
}

/** Tells a person how the search goes: step by step, or on a terminal. */
function watching(
  values: DiscoverValues,
  image: ChannelArch,
  logger: Logger,
  status: StatusLine | undefined,
): Pick<DiscoverOptions, "trace" | "onProgress"> {
  if (values.explain) {
    let left = MAX_TRACED;
    const trace = (line: string) => {
      if (left > 0) logger.info(line);
      if (--left === 0) {
        logger.info("Too much to show: the rest is left out");
      }
    };
    return { trace };
  }
  return status === undefined ? {} : {
    onProgress: (soFar) =>
      status.show(
        progressLine(soFar, { image, timeoutSeconds: timeoutSeconds(values) }, {
          elapsedMs: systemClock.monotonic(),
          columns: status.columns,
        }),
      ),
  };
}

/** Opens the trust anchor and the state kept for it. */
async function openTrust(
  values: DiscoverValues,
  clockTrusted: boolean,
  { signal }: { readonly signal: AbortSignal },
): Promise<ClientTrust> {
  return await ClientTrust.open({
    anchor: await readAnchor(values, { signal }),
    store: values.state === undefined
      ? undefined
      : { path: values.state, fileSystem: disk },
    clockTrusted,
  }, { signal });
}

/**
 * Saves state for the next run, and warns of results that no trusted key has
 * signed.
 */
async function remember(
  { providers }: Discovered,
  trust: ClientTrust,
  clockTrusted: boolean,
  logger: Logger,
  { signal }: { readonly signal: AbortSignal },
): Promise<void> {
  try {
    await trust.remember(providers, { signal });
  } catch (error) {
    logger.warn(
      `Cannot save what this search has learned: ${messageOf(error)}`,
    );
  }
  const conflict = versionConflict(providers);
  if (conflict !== undefined) logger.warn(conflict);
  const created = providers[0]?.manifest.createdAtMs;
  const lag = clockTrusted && created !== undefined
    ? clockLagWarning(created, systemClock.now())
    : undefined;
  if (lag !== undefined) logger.warn(lag);
  if (providers.length > 0 && !trust.isVerifying) {
    logger.warn(
      "NOT VERIFIED: anybody on the network could have offered this image; name the key to trust with --key or --trust",
    );
  }
}

/** What to print of a search; its reasons are logged. */
function tell(
  result: Discovered,
  image: ChannelArch,
  values: DiscoverValues,
  logger: Logger,
): Report {
  const report = reportDiscovery(result, {
    ...values,
    image,
    timeoutSeconds: timeoutSeconds(values),
    noNetwork: result.providers.length > 0 ? undefined : noNetwork(values),
  });
  for (const message of report.messages) {
    if (result.providers.length > 0) logger.info(message);
    else logger.error(message);
  }
  return report;
}

/** Why no other machine can be asked now, on the LAN or in the DHT. */
function noNetwork(
  { mode, interface: interfaces, bootstrap }: DiscoverValues,
): string | undefined {
  return bootstrap.some((node) => /^\/ip(4\/127\.|6\/::1\/)/.test(node))
    ? undefined
    : whyNoNetwork(systemAddresses(), mode === "wan" ? [] : interfaces);
}

/**
 * Without these permissions nothing can be asked. Node's UDP sockets would
 * throw where it cannot be caught, and never open.
 *
 * @throws UserError
 */
function requirePermissions(): void {
  if (Deno.permissions.querySync({ name: "net" }).state !== "granted") {
    throw new UserError(
      "Cannot ask the network: Deno was started without --allow-net, or for some hosts only",
    );
  }
  systemAddresses();
}

/** What reaches servers whose authority `--ca` names; undefined without. */
async function readAuthorities(
  path: string | undefined,
): Promise<Authorities | undefined> {
  if (path === undefined) return undefined;
  const text = await disk.readText(path, { mayBePipe: true });
  try {
    // Deno takes a text without any for none.
    if (text.includes("-----BEGIN CERTIFICATE-----")) {
      const caCerts = [text];
      return { caCerts, client: Deno.createHttpClient({ caCerts }) };
    }
  } catch {
    // It says no more than that it cannot be read.
  }
  throw new UserError(`Cannot use --ca "${path}": not certificates in PEM`);
}

function ownArch(): string {
  const arch = parseArch(Deno.build.arch);
  if (!arch.ok) {
    throw new UsageError(
      `Cannot name this machine's architecture ("${Deno.build.arch}"): ` +
        "name one with --arch",
    );
  }
  return arch.value;
}
