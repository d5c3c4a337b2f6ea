import { BoundedMap } from "../../core/bounded_map.ts";
import { type InterfaceAddress, systemAddresses } from "../interfaces.ts";
import {
  addressBytes,
  addressText,
  isPublicAddress,
  samePrefix,
  unmappedAddress,
} from "../ip_address.ts";

/** Kademlia's k: how many nodes keep a record, and fit a bucket. */
export const K = 20;

/**
 * How many of k places one group gets while others want them. Compare the
 * filters of go-libp2p-kad-dht (go-libp2p-kbucket/peerdiversity).
 */
export function shareOf(k: number): number {
  return Math.max(1, Math.floor(k / 4));
}

/** Bits that the addresses of one operator share, by length in bytes. */
const GROUP_BITS: ReadonlyMap<number, number> = new Map([[4, 16], [16, 32]]);
/** What one host has for itself: an IPv6 host takes any address of its /64. */
const HOST_BITS: ReadonlyMap<number, number> = new Map([[4, 32], [16, 64]]);

/**
 * Which addresses are likely to be one operator's: IPv4 ones in a /16, IPv6
 * ones in a /32. Those in a network of our own, private and loopback ones
 * stand for themselves, since a LAN would be one group; names do, too.
 *
 * @param host IP address or name
 * @param own every address of this machine
 */
export function groupOf(
  host: string,
  own: readonly InterfaceAddress[],
): string {
  return prefixOf(host, own, GROUP_BITS);
}

/**
 * What one host has for itself. An IPv6 network of others counts as one host,
 * since there a host has as many addresses as it likes.
 *
 * @param host IP address or name
 * @param own every address of this machine
 */
export function hostKey(
  host: string,
  own: readonly InterfaceAddress[],
): string {
  return prefixOf(host, own, HOST_BITS);
}

function prefixOf(
  host: string,
  own: readonly InterfaceAddress[],
  bits: ReadonlyMap<number, number>,
): string {
  const text = unmappedAddress(host.replace(/%.*$/, ""));
  const bytes = addressBytes(text);
  if (bytes === undefined || !isPublicAddress(bytes)) return text;
  const length = bits.get(bytes.length) ?? 0;
  if (length === bytes.length * 8 || isNear(bytes, own)) return text;
  const prefix = bytes.map((byte, i) => i * 8 >= length ? 0 : byte // prefixes end with a byte
  );
  return `${addressText(prefix)}/${length}`;
}

/** Whether an address is in a network that this machine is on. */
function isNear(bytes: Uint8Array, own: readonly InterfaceAddress[]): boolean {
  return own.some(({ address, prefixLength }) => {
    const ownBytes = addressBytes(address);
    return ownBytes !== undefined && samePrefix(bytes, ownBytes, prefixLength);
  });
}

/**
 * The first `size` of a list, among them at most a quarter of one
 * group as long as there are others. A network that has one group only is as it
 * would be without: nothing has to be known about it.
 *
 * @param items best first
 * @returns best first
 */
export function spread<T>(
  items: readonly T[],
  group: (item: T) => string,
  size: number = K,
): T[] {
  const counts = new Map<string, number>();
  const chosen: number[] = [];
  const surplus: number[] = [];
  for (const [i, item] of items.entries()) {
    if (chosen.length >= size) break;
    const name = group(item);
    const count = counts.get(name) ?? 0;
    counts.set(name, count + 1);
    (count < shareOf(size) ? chosen : surplus).push(i);
  }
  const filling = surplus.slice(0, size - chosen.length);
  const kept = new Set([...chosen, ...filling]);
  return items.filter((_, i) => kept.has(i));
}

/** Hosts whose group is remembered. */
const MAX_HOSTS = 4096;
/** After this many new hosts the interfaces are read again. */
const HOSTS_PER_LOOK = 256;

/**
 * Groups by the networks that this machine is on now.
 *
 * @param kind what is told of a host
 */
export function rememberedGroups(
  kind: typeof groupOf = groupOf,
  own: () => readonly InterfaceAddress[] = systemAddresses,
): (host: string) => string {
  const known = new BoundedMap<string, string>(MAX_HOSTS, "forget oldest");
  let addresses: readonly InterfaceAddress[] = [];
  let asked = 0;
  return (host) => {
    const before = known.get(host);
    if (before !== undefined) return before;
    if (asked++ % HOSTS_PER_LOOK === 0) addresses = own();
    const group = kind(host, addresses);
    known.set(host, group);
    return group;
  };
}
