import { systemClock } from "../core/clock.ts";
import { UserError } from "../core/errors.ts";
import { ExitCode } from "../core/exit_code.ts";
import {
  type DoctorMachine,
  examine,
  type ProviderPlace,
} from "../doctor/examine.ts";
import { findingsFrom } from "../doctor/findings.ts";
import { askAsStranger } from "../doctor/mdns_stranger.ts";
import { doctorDocument, doctorLines } from "../doctor/report.ts";
import { hostAddresses } from "../net/host_addresses.ts";
import { httpGet } from "../net/http1/get.ts";
import {
  type InterfaceAddress,
  isLoopbackAddress,
  systemAddresses,
} from "../net/interfaces.ts";
import { addressBytes, httpBaseUrl, isLinkLocal6 } from "../net/ip_address.ts";
import {
  type CommandValues,
  openMachine,
  readConfig,
} from "./command_context.ts";
import { disk } from "./disk.ts";
import { withJson, writeResult } from "./output.ts";
import { fetchStatus } from "./status_command.ts";

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
  const machine: DoctorMachine = {
    addresses,
    bareInterfaces: await bareInterfaces(addresses),
    fetchStatus,
    get: httpGet,
    askLink: askAsStranger,
    clock: systemClock,
  };
  const place = values.url === undefined
    ? await placeHere(values, addresses, { signal })
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

/** A provider of this machine: on loopback, else wherever it was bound to. */
async function placeHere(
  values: CommandValues<"doctor">,
  addresses: readonly InterfaceAddress[],
  { signal }: { readonly signal: AbortSignal },
): Promise<ProviderPlace> {
  const { logger } = openMachine(values);
  const { port } = await readConfig(values, logger, { signal });
  if (port === 0) {
    throw new UserError(
      "Cannot look for a provider whose port is any free one: name it with --url",
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
      `Cannot look at ${url}: that name leads to no address; correct --url`,
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
 * @returns undefined where that may not be looked at
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
