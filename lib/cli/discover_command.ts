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
import { RELEASED_AT_MS } from "../core/version.ts";
import { checkCandidate } from "../discover/check_candidate.ts";
import { ClientTrust, type TrustAnchor } from "../discover/client_trust.ts";
import type { DhtSource } from "../discover/dht_source.ts";
import { discover } from "../discover/discover.ts";
import type { Discovered } from "../discover/discovery.ts";
import { createLazyDhtSource } from "../discover/lazy_dht_source.ts";
import { createMdnsSource } from "../discover/mdns_source.ts";
import { reportDiscovery, versionConflict } from "../discover/report.ts";
import type { Source } from "../discover/source.ts";
import { readPublicKeys } from "../manifest/read_public_keys.ts";
import { parseTrustRoot } from "../manifest/trust_root.ts";
import { trustKeys } from "../manifest/trusted_keys.ts";
import { httpGet } from "../net/http1/get.ts";
import { disk } from "./disk.ts";
import { logRuntimeWarnings, openLogger, writeResult } from "./output.ts";

/** The command line of `phase_discover`, parsed. */
export type DiscoverValues = InvocationValues<
  typeof DISCOVER_PROGRAM,
  typeof DISCOVER_PROGRAM.commands[""]
>;

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
  const image = { channel: values.channel, arch: values.arch ?? ownArch() };
  const clockTrusted = systemClock.now() >= RELEASED_AT_MS;
  if (!clockTrusted) {
    logger.warn("This machine's clock was never set: expiry is not checked");
  }
  using limit = deadline(systemClock, values.timeout * 1000, { signal });
  const endMs = systemClock.monotonic() + values.timeout * 1000;
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
  const [trust, client] = opened;
  const { sources, dht } = openSources(values, clockTrusted, logger);
  // Not disposed of: the end of the process closes the sockets, and sooner.
  const found = await discover({
    image,
    timeoutMs: endMs - systemClock.monotonic(),
    sources,
    check: (candidate, options) =>
      checkCandidate(candidate, {
        ...{ image, trust, clock: systemClock },
        httpGet: (url, bounds) => httpGet(url, { ...bounds, client }),
      }, options),
    stillTrusts: (verified) => trust.stillTrusts(verified),
    onPeer: (multiaddr) => dht?.addPeer(multiaddr),
    all: values.all,
    clock: systemClock,
  }, { signal });
  const result = {
    ...found,
    problems: [...found.problems, ...trust.problems],
  };
  // Remembered before it is told: the power may be cut upon the result.
  await remember(result, trust, logger, { signal });
  return await tell(result, image, values, logger, { signal });
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
  });
  for (const message of messages) {
    if (result.providers.length > 0) logger.info(message);
    else logger.error(message);
  }
  await writeResult(stdout, { signal });
  return exitCode;
}

/** What reaches servers whose authority `--ca` names; undefined without. */
async function readAuthorities(
  path: string | undefined,
): Promise<Deno.HttpClient | undefined> {
  if (path === undefined) return undefined;
  const text = await disk.readText(path, { mayBePipe: true });
  try {
    // Deno takes a text without any for none.
    if (text.includes("-----BEGIN CERTIFICATE-----")) {
      return Deno.createHttpClient({ caCerts: [text] });
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
  if (trust !== undefined && key.length > 0) {
    throw new UsageError(
      "Cannot use --key together with --trust: put the key into the trust file",
    );
  }
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

/** mDNS comes first: its query is out before anything heavy is loaded. */
function openSources(
  { mode, interface: interfaces, bootstrap }: DiscoverValues,
  isClockTrusted: boolean,
  logger: Logger,
): { sources: Source[]; dht: DhtSource | undefined } {
  const sources: Source[] = [];
  if (mode !== "wan") {
    const warn = (message: string) => logger.warn(message);
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
