import { bootstrapFromEnvironment } from "../config/bootstrap_environment.ts";
import { nodesToJoin } from "../config/dht_nodes.ts";
import type { DiscoverValues } from "../config/discover_options.ts";
import { systemClock } from "../core/clock.ts";
import type { Logger } from "../core/log.ts";
import type { DhtSource } from "../discover/dht_source.ts";
import { createLazyDhtSource } from "../discover/lazy_dht_source.ts";
import { createMdnsSource } from "../discover/mdns_source.ts";
import type { Source } from "../discover/source.ts";
import {
  asksForLoopback,
  selectLinks,
  systemAddresses,
} from "../net/interfaces.ts";
import { logRuntimeWarnings } from "./output.ts";

/** mDNS answers within this time on a LAN that works. */
const DHT_HEAD_START_MS = 150;

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

/**
 * The sources of a discovery. mDNS comes first: its query is sent before
 * anything heavy is loaded.
 */
export function openSources(
  { mode, interface: interfaces, bootstrap, dhtProtocol, dhtNetwork }:
    DiscoverValues,
  { clockTrusted: isClockTrusted, logger, environment }: {
    readonly clockTrusted: boolean;
    readonly logger: Logger;
    readonly environment: (name: string) => string | undefined;
  },
): { sources: Source[]; dht: DhtSource | undefined } {
  const isAmino = dhtNetwork === "amino";
  const sources: Source[] = [];
  if (mode !== "wan") {
    const warn = (message: string) => logger.warn(message);
    warnOfMissing(interfaces, logger);
    sources.push(createMdnsSource({ clock: systemClock, interfaces, warn }));
  }
  const dht = mode === "lan" ? undefined : createLazyDhtSource({
    bootstrap: nodesToJoin({
      network: dhtNetwork,
      protocol: dhtProtocol,
      named: bootstrap.length > 0
        ? bootstrap
        : bootstrapFromEnvironment(environment),
    }),
    headStartMs: mode === "wan" ? 0 : DHT_HEAD_START_MS,
    // Those of the LAN are of a private DHT.
    mayLearnPeers: mode === "auto" && !isAmino,
    clock: systemClock,
    async load(peers) {
      await logRuntimeWarnings(logger);
      const { createDhtSource } = await import("../discover/dht_source.ts");
      return createDhtSource({
        bootstrap: peers,
        protocol: dhtProtocol,
        isAmino,
        loopbackOnly: asksForLoopback(systemAddresses(), interfaces),
        clock: systemClock,
        isClockTrusted,
      });
    },
  });
  if (dht !== undefined) sources.push(dht);
  return { sources, dht };
}
