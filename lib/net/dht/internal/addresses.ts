import type { AddressSorter } from "@libp2p/interface";
import { isLinkLocal, isLoopback } from "@libp2p/utils";
import { type Multiaddr, multiaddr } from "@multiformats/multiaddr";
import { checkMultiaddr } from "../../../core/multiaddr_text.ts";
import {
  type InterfaceAddress,
  isOnLink,
  selectLinks,
  systemAddresses,
} from "../../interfaces.ts";
import { isPrivateAddress, unmappedAddress } from "../../ip_address.ts";
import { publicAddresses } from "./amino.ts";

/**
 * The addresses worth announcing: without loopback and link-local ones, and
 * without those of container bridges, which other hosts have as well; unless
 * there are no others, as in a test or with `--interface lo`. IPv4 addresses
 * are announced as such, even where a dual-stack socket maps them into IPv6.
 *
 * @param own every address of this machine
 */
export function reachableAddresses(
  addresses: Multiaddr[],
  own: readonly InterfaceAddress[] = systemAddresses(),
): Multiaddr[] {
  const outside = new Set(
    selectLinks(own, []).flatMap((l) => l.addresses.map((a) => a.address)),
  );
  const inside = new Set(
    own.map((a) => a.address).filter((address) => !outside.has(address)),
  );
  const all = uniqueAddresses(addresses.map(unmapped));
  const reachable = all.filter((address) =>
    !isLoopback(address) && !isLinkLocal(address) &&
    !inside.has(hostOf(address))
  );
  return reachable.length > 0 ? reachable : all;
}

/**
 * This machine's addresses of IPv4, where a socket on `::` takes them, too:
 * libp2p knows only those of IPv6 for such a one.
 *
 * @param listen multiaddrs that are listened on, as they were asked for
 * @param port that the socket has
 * @param own every address of this machine
 */
export function ipv4OfBoth(
  listen: readonly string[],
  port: string | undefined,
  own: () => readonly InterfaceAddress[] = systemAddresses,
): Multiaddr[] {
  const isBoth = listen.some((one) => one.startsWith("/ip6/::/")) &&
    !listen.some((one) => one.startsWith("/ip4/"));
  if (!isBoth || port === undefined) return [];
  return own().filter(({ address }) => !address.includes(":"))
    .map(({ address }) => multiaddr(`/ip4/${address}/tcp/${port}`));
}

/** An address of IPv4 as such. */
export function unmapped(address: Multiaddr): Multiaddr {
  const text = address.toString();
  if (!text.startsWith("/ip6/::ffff:")) return address;
  const [, , , ...rest] = text.split("/");
  const host = hostOf(address);
  return host.includes(":")
    ? address
    : multiaddr(`/ip4/${host}/${rest.join("/")}`);
}

/**
 * The order in which addresses of a peer are tried. libp2p tries one after the
 * other, and one that swallows packets takes all the time there is: first those
 * of a LAN that this machine is on too, which a router may not lead back to
 * from outside, then public ones, last those of other people's LANs.
 *
 * @param own every address of this machine
 */
export function diallingOrder(
  own: () => readonly InterfaceAddress[] = systemAddresses,
): AddressSorter {
  const rank = (address: Multiaddr): number => {
    const host = hostOf(address);
    if (selectLinks(own(), []).some((link) => isOnLink(host, link))) return 0;
    return isPrivateAddress(host) ? 2 : 1;
  };
  return (a, b) => {
    const difference = rank(a.multiaddr) - rank(b.multiaddr);
    return difference < 0 ? -1 : difference > 0 ? 1 : 0;
  };
}

/**
 * The IP address or name that an address begins with; IPv4 as such, even where
 * a dual-stack socket maps it into IPv6.
 */
export function hostOf(address: Multiaddr): string {
  return unmappedAddress(address.getComponents()[0]?.value ?? "");
}

/** The port of the first that has one. */
export function tcpPort(addresses: readonly Multiaddr[]): string | undefined {
  return addresses.flatMap((address) => address.getComponents())
    .find(({ name }) => name === "tcp")?.value;
}

/**
 * Each address once, in order.
 */
export function uniqueAddresses(addresses: readonly Multiaddr[]): Multiaddr[] {
  return [...new Map(addresses.map((a) => [a.toString(), a])).values()];
}

/** A multiaddr as text, without the peer id at its end. */
export function withoutPeerId(address: Multiaddr): string {
  return address.toString().replace(/\/p2p\/[^/]+$/, "");
}

/** A binary multiaddr as text, or undefined when no node of ours can dial it. */
export function multiaddrText(bytes: Uint8Array): string | undefined {
  try {
    // Some nodes append their peer id to each address, others do not.
    const text = withoutPeerId(multiaddr(bytes));
    return checkMultiaddr(text).ok ? text : undefined;
  } catch {
    return undefined; // of a kind that this version does not know
  }
}

/** Addresses kept of one provider. */
const MAX_TOLD = 8;

/**
 * What is worth keeping and telling others of the addresses that a peer names,
 * each once.
 *
 * @param addresses binary multiaddrs, untrusted
 * @param isAmino whether private ones are worth nothing
 */
export function toldAddresses(
  addresses: readonly Uint8Array[],
  isAmino = false,
): Uint8Array[] {
  const texts = addresses.map(multiaddrText)
    .filter((text) => text !== undefined);
  const usable = texts.map((text) => multiaddr(text));
  const told = isAmino ? publicAddresses(usable) : usable;
  return reachableAddresses(uniqueAddresses(told), [])
    .slice(0, MAX_TOLD).map(({ bytes }) => bytes.slice());
}
