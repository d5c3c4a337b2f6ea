import type { PeerConnection } from "../net/dht/node.ts";
import {
  type InterfaceAddress,
  isLoopbackAddress,
  isOnLink,
  selectLinks,
} from "../net/interfaces.ts";
import { isPrivateAddress } from "../net/ip_address.ts";

/** What the network side of a provider is decided from. */
export interface AddressSettings {
  /** Named by the operator: overrides everything. */
  readonly bind?: string | undefined;
  /** Interface names or addresses; empty: all that lead somewhere. */
  readonly interfaces: readonly string[];
}

/**
 * The address to listen on: as told; loopback when only loopback is to be
 * used; else every address, since those of an interface come and go.
 *
 * @param all every address of the machine
 */
export function listenAddress(
  { bind, interfaces }: AddressSettings,
  all: readonly InterfaceAddress[],
): string {
  if (bind !== undefined) return bind;
  const links = selectLinks(all, interfaces);
  const addresses = links.flatMap((l) => l.addresses.map((a) => a.address));
  return interfaces.length > 0 && addresses.length > 0 &&
      addresses.every(isLoopbackAddress)
    ? "127.0.0.1"
    : "0.0.0.0";
}

/**
 * The address that HTTP listens on: every one of IPv6, too, where a link that
 * is used has any when the provider starts.
 *
 * @param all every address of the machine
 */
export function httpListenAddress(
  settings: AddressSettings,
  all: readonly InterfaceAddress[],
): string {
  const address = listenAddress(settings, all);
  const hasIpv6 = selectLinks(all, settings.interfaces)
    .some(({ family }) => family === 6);
  return settings.bind === undefined && address === "0.0.0.0" && hasIpv6
    ? "::"
    : address;
}

/** What is known of how this machine is reached. */
export interface ReachHints {
  /** Connections with other nodes of the DHT. */
  readonly peers: readonly PeerConnection[];
  /** This machine's address on the default route; undefined: there is none. */
  readonly defaultRoute: string | undefined;
}

/**
 * The address that hosts beyond the LAN may reach this machine by: the one
 * listened on; else one that a connection with a peer beyond our links ends at,
 * else with a peer on one of them, else any of ours. Of several, the one of the
 * default route, or the first.
 *
 * @param all every address of the machine
 */
export function outwardAddress(
  settings: AddressSettings,
  all: readonly InterfaceAddress[],
  { peers, defaultRoute }: ReachHints,
): string {
  const listen = listenAddress(settings, all);
  if (!isWildcard(listen)) return listen;
  const candidates = selectLinks(all, settings.interfaces)
    .filter(({ family }) => family === 4)
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

/** Whether to listen on this address is to listen on every one. */
export function isWildcard(address: string): boolean {
  return address === "0.0.0.0" || address === "::";
}

/** Whether a multiaddr leads out of this network, by address or by name. */
export function isPublicMultiaddr(multiaddr: string): boolean {
  const [, kind, host = ""] = multiaddr.split("/");
  return kind === "ip4" || kind === "ip6"
    ? !isPrivateAddress(host)
    : host !== "localhost" && !host.endsWith(".local");
}
