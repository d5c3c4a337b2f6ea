import { whenAborted } from "../core/abort.ts";
import { bootstrapFromEnvironment } from "../config/bootstrap_environment.ts";
import type { InvocationValues } from "../config/command_line.ts";
import type { DISCOVER_PROGRAM } from "../config/discover_options.ts";
import { type ChannelArch, parseArch } from "../core/channel_arch.ts";
import { deadline, systemClock } from "../core/clock.ts";
import { ConfigError, UsageError, UserError } from "../core/errors.ts";
import type { ExitCode } from "../core/exit_code.ts";
import type { Logger } from "../core/log.ts";
import { messageOf } from "../core/printable.ts";
import type { StatusLine } from "../core/status_line.ts";
import { RELEASED_AT_MS } from "../core/version.ts";
import { checkCandidate } from "../discover/check_candidate.ts";
import { ClientTrust, type TrustAnchor } from "../discover/client_trust.ts";
import type { DhtSource } from "../discover/dht_source.ts";
import { discover, type DiscoverOptions } from "../discover/discover.ts";
import type { Discovered } from "../discover/discovery.ts";
import { createLazyDhtSource } from "../discover/lazy_dht_source.ts";
import { createMdnsSource } from "../discover/mdns_source.ts";
import {
  progressLine,
  reportDiscovery,
  versionConflict,
} from "../discover/report.ts";
import type { Source } from "../discover/source.ts";
import { clockLagWarning } from "../manifest/clock_lag.ts";
import { readPublicKeys } from "../manifest/read_public_keys.ts";
import { parseTrustRoot } from "../manifest/trust_root.ts";
import { trustKeys } from "../manifest/trusted_keys.ts";
import { type Authorities, httpGet } from "../net/http1/get.ts";
import {
  asksForLoopback,
  selectLinks,
  systemAddresses,
  whyNoNetwork,
} from "../net/interfaces.ts";
import { disk } from "./disk.ts";
import {
  logRuntimeWarnings,
  openLogger,
  openStatusLine,
  writeResult,
} from "./output.ts";

/** The command line of `phase_discover`, parsed. */
export type DiscoverValues = InvocationValues<
  typeof DISCOVER_PROGRAM,
  typeof DISCOVER_PROGRAM.commands[""]
>;

/** More than a search on a network that works; a flood is not to be logged. */
const MAX_TRACED = 2000;

/** mDNS answers within this time on a LAN that works. */
const DHT_HEAD_START_MS = 150;

/** Finds an image on real sockets, prints the result, and says how to end. */
export async function runDiscover(
  values: DiscoverValues,
  { signal }: { readonly signal: AbortSignal },
): Promise<ExitCode> {
  const logger = openLogger({
    level: values.logLevel,
    format: values.logFormat,
  });
  requirePermissions();
  const image = { channel: values.channel, arch: values.arch ?? ownArch() };
  const clockTrusted = systemClock.now() >= RELEASED_AT_MS;
  if (!clockTrusted) {
    logger.warn("This machine's clock was never set: expiry is not checked");
  }
  // By the system's clock, which begins with the process: a box that takes long
  // to load the program has no longer to wait for it.
  const leftMs = () => values.timeout * 1000 - systemClock.monotonic();
  using limit = deadline(systemClock, leftMs(), { signal });
  const opened = await Promise.race([
    Promise.all([
      openTrust(values, clockTrusted, { signal }),
      readAuthorities(values.ca),
    ]),
    whenAborted(limit.signal),
  ]);
  signal.throwIfAborted();
  if (opened === undefined) {
    throw new UserError(
      `Cannot read what --trust, --key, --state and --ca name within ${values.timeout} s: nobody writes to that pipe, or the disk does not answer`,
    );
  }
  const [trust, authorities] = opened;
  const status = values.quiet || values.logFormat === "json"
    ? undefined
    : openStatusLine();
  const { sources, dht } = openSources(values, clockTrusted, logger);
  // Not disposed of: the end of the process closes the sockets, and sooner.
  const found = await discover({
    image,
    timeoutMs: leftMs(),
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
    ...watching(values, image, logger, status),
  }, { signal }).finally(() => status?.clear());
  const result = {
    ...found,
    problems: [...found.problems, ...trust.problems],
  };
  // Remembered before it is told: the power may be cut upon the result.
  await remember(result, trust, clockTrusted, logger, { signal });
  return await tell(result, image, values, logger, { signal });
}

/** Tells a person how the search goes: step by step, or on a terminal. */
function watching(
  { explain, timeout }: DiscoverValues,
  image: ChannelArch,
  logger: Logger,
  status: StatusLine | undefined,
): Pick<DiscoverOptions, "trace" | "onProgress"> {
  if (explain) {
    let left = MAX_TRACED;
    const trace = (line: string) => {
      if (left > 0) logger.info(line);
      if (--left === 0) logger.info("What follows is too much to be told");
    };
    return { trace };
  }
  return status === undefined ? {} : {
    onProgress: (soFar) =>
      status.show(
        progressLine(soFar, { image, timeoutSeconds: timeout }, {
          elapsedMs: systemClock.monotonic(),
          columns: status.columns,
        }),
      ),
  };
}

/** Whom to trust, and what is remembered of them. */
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

/** Keeps what the next start has to know, and warns of what nobody vouches for. */
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
      `Cannot remember this for the next start: ${messageOf(error)}`,
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

/** Writes the result to standard output, and the reasons to the log. */
async function tell(
  result: Discovered,
  image: ChannelArch,
  values: DiscoverValues,
  logger: Logger,
  { signal }: { readonly signal: AbortSignal },
): Promise<ExitCode> {
  const { stdout, messages, exitCode } = reportDiscovery(result, {
    ...values,
    image,
    timeoutSeconds: values.timeout,
    noNetwork: result.providers.length > 0 ? undefined : noNetwork(values),
  });
  for (const message of messages) {
    if (result.providers.length > 0) logger.info(message);
    else logger.error(message);
  }
  await writeResult(stdout, { signal });
  return exitCode;
}

/** Why nobody else can be asked now, by the LAN or in the DHT. */
function noNetwork(
  { mode, interface: interfaces, bootstrap }: DiscoverValues,
): string | undefined {
  return bootstrap.some((node) => /^\/ip(4\/127\.|6\/::1\/)/.test(node))
    ? undefined
    : whyNoNetwork(systemAddresses(), mode === "wan" ? [] : interfaces);
}

/**
 * Without them nothing can be asked. Node's UDP sockets throw where nobody can
 * catch it, and then never open.
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

/** Whom `--key`, `--threshold` and `--trust` name. */
async function readAnchor(
  { key, threshold, trust }: DiscoverValues,
  { signal }: { readonly signal: AbortSignal },
): Promise<TrustAnchor> {
  if (trust !== undefined) {
    // Costs 6 ms that a box with --key alone need not spend.
    const { parseTrustFile } = await import("../config/trust_file.ts");
    const root = parseTrustRoot(
      parseTrustFile(await disk.readText(trust, { mayBePipe: true }), trust),
    );
    if (!root.ok) throw new ConfigError({ path: trust }, root.reason);
    return { kind: "root", shipped: root.value };
  }
  if (key.length === 0) {
    if (threshold === 1) return { kind: "nobody" };
    throw new UsageError(
      `Cannot use --threshold ${threshold} without --key: name the keys`,
    );
  }
  const keys = trustKeys(
    await readPublicKeys(key, disk, { signal }),
    threshold,
  );
  if (!keys.ok) throw new UsageError(`Cannot use --threshold: ${keys.reason}`);
  return { kind: "keys", keys: keys.value };
}

/**
 * Warns of interfaces that were named and are not there, where others are; the
 * search says itself that it has none.
 */
function warnOfMissing(wanted: readonly string[], logger: Logger): void {
  const named = wanted.filter((name) => !name.startsWith("!"));
  if (named.length < 2) return;
  const all = systemAddresses();
  const missing = named.filter((name) => selectLinks(all, [name]).length === 0);
  if (missing.length === 0 || missing.length === named.length) return;
  logger.warn(
    `No interface "${
      missing.join('", "')
    }" with an address: it is asked as soon as there is one`,
  );
}

/** mDNS comes first: its query is out before anything heavy is loaded. */
function openSources(
  { mode, interface: interfaces, bootstrap, dhtProtocol }: DiscoverValues,
  isClockTrusted: boolean,
  logger: Logger,
): { sources: Source[]; dht: DhtSource | undefined } {
  const sources: Source[] = [];
  if (mode !== "wan") {
    const warn = (message: string) => logger.warn(message);
    warnOfMissing(interfaces, logger);
    sources.push(createMdnsSource({ clock: systemClock, interfaces, warn }));
  }
  const dht = mode === "lan" ? undefined : createLazyDhtSource({
    bootstrap: bootstrap.length > 0
      ? bootstrap
      : bootstrapFromEnvironment((name) => Deno.env.get(name)),
    headStartMs: mode === "wan" ? 0 : DHT_HEAD_START_MS,
    mayLearnPeers: mode === "auto",
    clock: systemClock,
    async load(peers) {
      await logRuntimeWarnings(logger);
      const { createDhtSource } = await import("../discover/dht_source.ts");
      return createDhtSource({
        bootstrap: peers,
        protocol: dhtProtocol,
        loopbackOnly: asksForLoopback(systemAddresses(), interfaces),
        clock: systemClock,
        isClockTrusted,
      });
    },
  });
  if (dht !== undefined) sources.push(dht);
  return { sources, dht };
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
