import type { PeerConnection } from "../net/dht/node_options.ts";
import {
  asksForLoopback,
  type InterfaceAddress,
  isOnLink,
  selectLinks,
} from "../net/interfaces.ts";
import {
  addressBytes,
  isLinkLocal6,
  isPrivateAddress,
} from "../net/ip_address.ts";

/** What the network side of a provider is decided from. */
export interface AddressSettings {
  /** Named by the operator: overrides everything. */
  readonly bind?: string | undefined;
  /** Interface names or addresses; empty: all that lead somewhere. */
  readonly interfaces: readonly string[];
}

/**
 * The address that HTTP listens on: the one configured; loopback if only that
 * is to be used; else every address, since those of an interface come and go.
 *
 * @param all every address of the machine
 * @param hasIpv6 whether the system has IPv6 at all: its addresses may come
 * later
 */
export function httpListenAddress(
  { bind, interfaces }: AddressSettings,
  all: readonly InterfaceAddress[],
  hasIpv6: boolean,
): string {
  if (bind !== undefined) return bind;
  if (!asksForLoopback(all, interfaces)) return hasIpv6 ? "::" : "0.0.0.0";
  return interfaces.includes("::1") && interfaces.length === 1
    ? "::1"
    : "127.0.0.1";
}

/**
 * The addresses that the DHT node listens on: the same, and every address of
 * IPv4 by a socket of its own where `::` does not stand for those, too.
 *
 * @param all every address of the machine
 * @param system `isDualStack`: whether a socket on `::` takes IPv4
 */
export function dhtListenAddresses(
  settings: AddressSettings,
  all: readonly InterfaceAddress[],
  { hasIpv6, isDualStack }: {
    readonly hasIpv6: boolean;
    readonly isDualStack: boolean;
  },
): string[] {
  const address = httpListenAddress(settings, all, hasIpv6);
  return address === "::" && !isDualStack ? ["0.0.0.0", address] : [address];
}

/** What is known of how this machine is reached. */
export interface ReachHints {
  /** Connections with other nodes of the DHT. */
  readonly peers: readonly PeerConnection[];
  /** This machine's address on the default route; undefined: there is none. */
  readonly defaultRoute: string | undefined;
}

/**
 * The address by which hosts beyond the LAN may reach this machine: the one
 * listened on; else the local end of a connection with a peer beyond our links,
 * or with one on them; else any of ours. Of several, the one of the default
 * route, or the first; IPv6 only if there is nothing else.
 *
 * @param all every address of the machine
 */
export function outwardAddress(
  settings: AddressSettings,
  all: readonly InterfaceAddress[],
  { peers, defaultRoute }: ReachHints,
): string {
  const listen = httpListenAddress(settings, all, true);
  if (!isWildcard(listen)) return listen;
  const links = selectLinks(all, settings.interfaces);
  const isIpv4 = listen === "0.0.0.0" || links.some((l) => l.family === 4);
  const candidates = links.filter(({ family }) => (family === 4) === isIpv4)
    .flatMap((link) => link.addresses.map(({ address }) => address));
  const isOwn = (host: string) => all.some(({ address }) => address === host);
  const endsOf = (connections: readonly PeerConnection[]) =>
    candidates.filter((address) =>
      connections.some(({ localAddress, remoteAddress }) =>
        // Another node on this machine says nothing about the network.
        localAddress === address && !isOwn(remoteAddress)
      )
    );
  const [best = []] = [endsOf(peersBeyond(all, peers)), endsOf(peers)]
    .filter((ends) => ends.length > 0).concat([candidates]);
  return best.find((address) => address === defaultRoute) ?? best[0] ??
    "127.0.0.1";
}

/**
 * The connections that lead over a router.
 *
 * @param all every address of the machine
 */
export function peersBeyond(
  all: readonly InterfaceAddress[],
  peers: readonly PeerConnection[],
): PeerConnection[] {
  const links = selectLinks(all, all.map(({ interfaceName }) => interfaceName));
  return peers.filter(({ remoteAddress }) =>
    !links.some((link) => isOnLink(remoteAddress, link))
  );
}

/**
 * The address to tell a peer that is connected with this machine: one of the IP
 * family that the connection shows it to have.
 *
 * @param usual the one that others are told
 */
export function addressForReader(
  usual: string,
  reader: PeerConnection | undefined,
): string {
  if (reader === undefined) return usual;
  const { localAddress, remoteAddress } = reader;
  const local = addressBytes(localAddress);
  const isSameFamily = usual.includes(":") === localAddress.includes(":");
  if (local === undefined || isSameFamily || isLinkLocal6(local)) return usual;
  // Behind a router that forwards its port, this address is out of reach.
  const isBehindRouter = isPrivateAddress(localAddress) &&
    !isPrivateAddress(remoteAddress);
  return isBehindRouter ? usual : localAddress;
}

/** Whether to listen on this address is to listen on every one. */
export function isWildcard(address: string): boolean {
  return address === "0.0.0.0" || address === "::";
}

/** Whether a server on `bound` is reached by this address of the machine. */
export function listensOn(bound: string, address: string): boolean {
  return bound === address || bound === "::" ||
    (bound === "0.0.0.0" && !address.includes(":"));
}
