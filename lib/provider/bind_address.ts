import { UserError } from "../core/errors.ts";
import { printable } from "../core/printable.ts";
import { hostAddresses } from "../net/host_addresses.ts";
import { addressBytes } from "../net/ip_address.ts";
import type { ServeConfig } from "./machine.ts";

/**
 * Settings that bind to an address where the operator named a host: whatever
 * is opened then agrees on one. IPv4 comes first, which firmware can read.
 *
 * @param resolve looks up a host name
 * @throws UserError when the name leads to no address, or to one that the DHT
 * cannot use
 */
export async function withBindAddress(
  config: ServeConfig,
  { resolve = hostAddresses, signal }: {
    readonly resolve?: typeof hostAddresses;
    readonly signal: AbortSignal;
  },
): Promise<ServeConfig> {
  const { bind } = config;
  if (bind === undefined || addressBytes(bind) !== undefined) return config;
  const cannot = `Cannot use --bind "${printable(bind, 64)}"`;
  if (bind.includes("%")) {
    if (!config.dht.enabled) return config;
    throw new UserError(
      `${cannot} with the DHT, which supports no addresses with a zone: name another address, or turn the DHT off with --no-dht`,
    );
  }
  const addresses = await resolve(bind, { signal });
  const address = addresses.find((one) => !one.includes(":")) ?? addresses[0];
  if (address !== undefined) return { ...config, bind: address };
  throw new UserError(
    `${cannot}: that name does not resolve; name an address of this machine`,
  );
}
