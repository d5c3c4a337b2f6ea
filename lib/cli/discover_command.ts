import type { OptionValues } from "../config/option_table.ts";
import type { DISCOVER_PROGRAM } from "../config/discover_options.ts";
import { type ChannelArch, parseArch } from "../core/channel_arch.ts";
import { systemClock } from "../core/clock.ts";
import { UsageError } from "../core/errors.ts";
import type { ExitCode } from "../core/exit_code.ts";
import { createLogger } from "../core/log.ts";
import { RELEASED_AT_MS } from "../core/version.ts";
import { checkCandidate } from "../discover/check_candidate.ts";
import { discover } from "../discover/discover.ts";
import type { DhtSource } from "../discover/dht_source.ts";
import { createLazyDhtSource } from "../discover/lazy_dht_source.ts";
import { createMdnsSource } from "../discover/mdns_source.ts";
import { reportDiscovery } from "../discover/report.ts";
import type { Source } from "../discover/source.ts";
import type { TrustPolicy } from "../manifest/verify_envelope.ts";
import { writeLine } from "./run_program.ts";

/** The command line of `phase_discover`, parsed. */
export type DiscoverValues =
  & OptionValues<typeof DISCOVER_PROGRAM.options>
  & OptionValues<typeof DISCOVER_PROGRAM.commands[""]["options"]>;

/** mDNS answers within this time on a LAN that works. */
const DHT_HEAD_START_MS = 150;

/** Finds an image on real sockets, prints the result, and says how to end. */
export async function runDiscover(
  values: DiscoverValues,
  { signal }: { readonly signal: AbortSignal },
): Promise<ExitCode> {
  const clock = systemClock;
  const logger = createLogger({
    level: values.logLevel,
    format: values.logFormat,
    clock,
    writeLine: (line) => writeLine(line, "stderr"),
  });
  const image = { channel: values.channel, arch: values.arch ?? ownArch() };
  const clockTrusted = clock.now() >= RELEASED_AT_MS;
  if (!clockTrusted) {
    logger.warn("This machine's clock was never set: expiry is not checked");
  }
  const { sources, dht } = openSources(values, clockTrusted);
  const result = await discover({
    image,
    timeoutMs: values.timeout * 1000,
    sources,
    check: (candidate, options) =>
      checkCandidate(candidate, {
        policy: trustPolicy(image, clockTrusted),
        fetch,
        clock,
      }, options),
    onPeer: (multiaddr) => dht?.addPeer(multiaddr),
    all: values.all,
    clock,
  }, { signal });
  const report = reportDiscovery(result, {
    image,
    timeoutSeconds: values.timeout,
    format: values.format,
    quiet: values.quiet,
    all: values.all,
    explain: values.explain,
  });
  for (const line of report.stdout) writeLine(line, "stdout");
  for (const message of report.messages) {
    if (result.providers.length > 0) logger.info(message);
    else logger.error(message);
  }
  return report.exitCode;
}

function trustPolicy(image: ChannelArch, clockTrusted: boolean): TrustPolicy {
  return { image, minimumVersion: 1, clockTrusted };
}

/** mDNS comes first: its query is out before anything heavy is loaded. */
function openSources(
  { mode, interface: interfaces, bootstrap }: DiscoverValues,
  isClockTrusted: boolean,
): { sources: Source[]; dht: DhtSource | undefined } {
  const sources: Source[] = [];
  if (mode !== "wan") {
    sources.push(createMdnsSource({ clock: systemClock, interfaces }));
  }
  const dht = mode === "lan" ? undefined : createLazyDhtSource({
    bootstrap,
    headStartMs: mode === "wan" ? 0 : DHT_HEAD_START_MS,
    mayLearnPeers: mode === "auto",
    clock: systemClock,
    async load(peers) {
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
