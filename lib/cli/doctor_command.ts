import { systemClock } from "../core/clock.ts";
import { RELEASED_AT_MS } from "../core/version.ts";
import { UserError } from "../core/errors.ts";
import { ExitCode } from "../core/exit_code.ts";
import type { DhtSource } from "../discover/dht_source.ts";
import {
  type DoctorMachine,
  examine,
  type ProviderPlace,
} from "../doctor/examine.ts";
import { askDhtAsStranger } from "../doctor/dht_stranger.ts";
import { findingsFrom } from "../doctor/findings.ts";
import { KeyUnseenError } from "../doctor/host_view.ts";
import { type HostParts, lookAtHost } from "../doctor/look_at_host.ts";
import { askAsStranger } from "../doctor/mdns_stranger.ts";
import { doctorDocument, doctorLines } from "../doctor/report.ts";
import { systemDhcpNetwork } from "../net/dhcp/system_network.ts";
import { hostAddresses } from "../net/host_addresses.ts";
import { httpGet } from "../net/http1/get.ts";
import {
  asksForLoopback,
  type InterfaceAddress,
  isLoopbackAddress,
  systemAddresses,
} from "../net/interfaces.ts";
import { addressBytes, httpBaseUrl, isLinkLocal6 } from "../net/ip_address.ts";
import type { ServeConfig } from "../provider/machine.ts";
import {
  type CommandValues,
  openMachine,
  readConfig,
} from "./command_context.ts";
import { disk } from "./disk.ts";
import { fetchDisk } from "./fetch_disk.ts";
import { logRuntimeWarnings, withJson, writeResult } from "./output.ts";
import { passphraseFrom } from "./passphrase.ts";
import { fetchStatus, fetchText } from "./status_command.ts";

/**
 * `plasmd doctor`: finds why clients cannot find the images.
 *
 * @returns 1 with findings
 */
export async function runDoctor(
  values: CommandValues<"doctor">,
  { signal }: { readonly signal: AbortSignal },
): Promise<ExitCode> {
  const addresses = systemAddresses();
  const { logger } = openMachine(values);
  const settings = values.url === undefined
    ? await readConfig(values, logger, { signal })
    : undefined;
  const machine: DoctorMachine = {
    addresses,
    bareInterfaces: await bareInterfaces(addresses),
    fetchStatus,
    fetchPeers: (url, options) => fetchText(url, "/peers", options),
    get: httpGet,
    askLink: askAsStranger,
    async askDht(question, options) {
      await logRuntimeWarnings(logger);
      return await askDhtAsStranger(question, {
        clock: systemClock,
        open: (nodes) => openDht(nodes, values, settings?.dht, addresses),
        ...options,
      });
    },
    lookAtHost: settings &&
      ((provider, options) =>
        lookAtHost(provider, hostParts(settings, values), options)),
    clock: systemClock,
  };
  const place = values.url === undefined
    ? placeHere(settings?.port ?? 0, addresses)
    : await placeOf(values.url, addresses, { signal });
  const seen = await examine(place, machine, { signal });
  const findings = findingsFrom(seen);
  await writeResult(
    withJson(
      values,
      doctorDocument(seen, findings),
      () => doctorLines(seen, findings),
    ),
    { signal },
  );
  return findings.length === 0 ? ExitCode.done : ExitCode.unexpected;
}

/** A client of the DHT, with what it takes loaded. */
async function openDht(
  nodes: readonly string[],
  values: CommandValues<"doctor">,
  settings: ServeConfig["dht"] | undefined,
  addresses: readonly InterfaceAddress[],
): Promise<DhtSource> {
  const { createDhtSource } = await import("../discover/dht_source.ts");
  return createDhtSource({
    bootstrap: nodes,
    // From the file; for a provider elsewhere, from the command line only.
    protocol: settings?.protocol ?? values.dhtProtocol,
    isAmino: (settings?.network ?? values.dhtNetwork) === "amino",
    loopbackOnly: asksForLoopback(addresses, values.interface),
    clock: systemClock,
    isClockTrusted: systemClock.now() >= RELEASED_AT_MS,
  });
}

/** How this machine is examined; no passphrase is asked for. */
function hostParts(
  settings: ServeConfig,
  { config, stateDir }: CommandValues<"doctor">,
): HostParts {
  const { passphraseFile } = settings.signing;
  return {
    settings,
    areNamed: config !== undefined || stateDir !== undefined,
    fileSystem: disk,
    freeBytes: fetchDisk.freeBytes,
    async passphrase(path) {
      if (passphraseFile === undefined) {
        throw new KeyUnseenError(
          "it has a passphrase, and --passphrase-file names none",
        );
      }
      const signal = new AbortController().signal;
      return await passphraseFrom(passphraseFile, { signal })(path);
    },
    network: systemDhcpNetwork,
    clock: systemClock,
  };
}

/** A provider of this machine: on loopback, else wherever it was bound to. */
function placeHere(
  port: number,
  addresses: readonly InterfaceAddress[],
): ProviderPlace {
  if (port === 0) {
    throw new UserError(
      "Cannot find a provider on port 0, which takes a free one: name the provider with --url",
    );
  }
  const others = addresses.map(({ address }) => address)
    .filter((address) => address !== "127.0.0.1" && !isLinkLocal(address));
  const url = (address: string) => httpBaseUrl(address, port);
  return {
    urls: [url("127.0.0.1"), ...others.map(url)],
    isLocal: true,
    addresses: addresses.map(({ address }) => address),
  };
}

async function placeOf(
  url: string,
  own: readonly InterfaceAddress[],
  { signal }: { readonly signal: AbortSignal },
): Promise<ProviderPlace> {
  const host = new URL(url).hostname.replace(/^\[|\]$/g, "");
  const addresses = addressBytes(host) === undefined
    ? await hostAddresses(host, { signal })
    : [host];
  if (addresses.length === 0) {
    throw new UserError(
      `Cannot examine ${url}: that name does not resolve; correct --url`,
    );
  }
  const isOwn = (one: string) =>
    isLoopbackAddress(one) || own.some(({ address }) => address === one);
  return {
    urls: [url],
    isLocal: addresses.every(isOwn),
    addresses,
  };
}

function isLinkLocal(address: string): boolean {
  const bytes = addressBytes(address);
  return bytes !== undefined && isLinkLocal6(bytes);
}

/**
 * Interfaces without an address, which are missing in the system's list of
 * addresses.
 *
 * @returns undefined where that may not be read
 */
async function bareInterfaces(
  addresses: readonly InterfaceAddress[],
): Promise<string[] | undefined> {
  try {
    const names = (await disk.list("/sys/class/net")).map(({ name }) => name);
    return names.filter((name) =>
      name !== "lo" && name !== "bonding_masters" &&
      !addresses.some(({ interfaceName }) => interfaceName === name)
    );
  } catch {
    return undefined;
  }
}
