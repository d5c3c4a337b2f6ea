import { UserError } from "../core/errors.ts";
import { messageOf } from "../core/printable.ts";
import { addressBytes, isLinkLocal6, samePrefix } from "./ip_address.ts";

/** One address of a network interface of this machine. */
export interface InterfaceAddress {
  /** Such as `eth0`. */
  readonly interfaceName: string;
  /** Without a zone. */
  readonly address: string;
  /** How many bits all addresses of the subnet share. */
  readonly prefixLength: number;
}

/** One IP family on one interface: where multicast DNS is spoken separately. */
export interface Link {
  /** Such as `eth0`. */
  readonly interfaceName: string;
  /** IPv4 or IPv6. */
  readonly family: 4 | 6;
  /** At least one; IPv6 ones are global or unique local. */
  readonly addresses: readonly InterfaceAddress[];
}

/**
 * Interfaces that lead to containers and virtual machines, not to a LAN. Docker
 * names the bridges of its networks after their numbers, in twelve hex digits;
 * `br-lan` is a LAN's.
 */
const CONTAINER_BRIDGE = /^(docker\d|br-[0-9a-f]{12}$|veth|virbr)/;

/**
 * The links to use.
 *
 * @param all every address of the machine
 * @param wanted interface names or addresses, and with `!` in front those not
 * to be used; where none is named to be used, all interfaces but container
 * bridges, and loopback only when nothing else is there
 * @returns IPv4 links first
 */
export function selectLinks(
  all: readonly InterfaceAddress[],
  wanted: readonly string[],
): Link[] {
  const { named, excluded } = readWanted(wanted);
  const usable = all.filter((own) =>
    isUsable(own.address) && !excluded.some((name) => isMeant(name, own))
  );
  if (named.length > 0) {
    return groupLinks(usable.filter((a) => named.some((w) => isMeant(w, a))));
  }
  const outside = usable.filter((a) =>
    !isLoopbackAddress(a.address) && !CONTAINER_BRIDGE.test(a.interfaceName)
  );
  return groupLinks(
    outside.length > 0
      ? outside
      : usable.filter((a) => isLoopbackAddress(a.address)),
  );
}

/**
 * Whether loopback was asked for, and nothing else.
 *
 * @param all every address of the machine, for what loopback is called there
 * @param wanted as for `selectLinks`
 */
export function asksForLoopback(
  all: readonly InterfaceAddress[],
  wanted: readonly string[],
): boolean {
  const { named } = readWanted(wanted);
  return named.length > 0 &&
    named.every((name) =>
      name === "lo" || isLoopbackAddress(withoutZone(name)) ||
      all.some((own) => isLoopbackAddress(own.address) && isMeant(name, own))
    );
}

/**
 * Why no other host is reached: there is no link, or only loopback, which was
 * not asked for.
 *
 * @param all every address of the machine
 * @param wanted as for `selectLinks`
 * @returns a clause fit for a log line; undefined where there is a network
 */
export function whyNoNetwork(
  all: readonly InterfaceAddress[],
  wanted: readonly string[],
): string | undefined {
  const links = selectLinks(all, wanted);
  const addresses = links.flatMap((link) => link.addresses);
  const isLoopback = addresses.every((a) => isLoopbackAddress(a.address));
  if (!isLoopback) return undefined;
  const { named } = readWanted(wanted);
  if (links.length > 0 && named.length > 0) {
    return asksForLoopback(all, wanted)
      ? undefined
      : `only loopback has an address of the interfaces "${
        wanted.join('", "')
      }"`;
  }
  if (named.length > 0 && named.every((name) => name === "::1")) {
    return "loopback has no multicast of IPv6, name it lo";
  }
  const passed = passedOver(all, wanted);
  const details = passed.length === 0 ? "" : ` (${passed.join(", ")})`;
  if (links.length > 0) return `only loopback can be used${details}`;
  return wanted.length === 0
    ? `no network interface with an address${details}`
    : `no interface "${wanted.join('", "')}" with an address${details}`;
}

/** The interfaces that are not used though they might be, with the reason. */
function passedOver(
  all: readonly InterfaceAddress[],
  wanted: readonly string[],
): string[] {
  const { named, excluded } = readWanted(wanted);
  const byName = Map.groupBy(all, ({ interfaceName }) => interfaceName);
  return [...byName].flatMap(([name, addresses]) => {
    if (addresses.some((own) => isLoopbackAddress(own.address))) return [];
    const [first] = addresses;
    const isNamed = (names: readonly string[]) =>
      addresses.some((own) => names.some((one) => isMeant(one, own)));
    if (isNamed(excluded)) return [`${name} is excluded`];
    if (named.length > 0 && !isNamed(named)) return [];
    if (!addresses.some((own) => isUsable(own.address))) {
      return [`${name} is up but has no address beyond ${first?.address}`];
    }
    return named.length === 0 ? [`${name} leads to containers`] : [];
  });
}

/** The link-local addresses of IPv6 that an interface has. */
export function linkLocalAddresses(
  all: readonly InterfaceAddress[],
  interfaceName: string,
): string[] {
  return all.filter((own) => {
    const bytes = addressBytes(own.address);
    return own.interfaceName === interfaceName && bytes !== undefined &&
      isLinkLocal6(bytes);
  }).map(({ address }) => address);
}

/** Identifies a link by interface and family, such as `eth0/4`. */
export function linkKey(link: Link): string {
  return `${link.interfaceName}/${link.family}`;
}

/** Whether two states of a link have the same addresses. */
export function sameAddresses(a: Link, b: Link): boolean {
  const text = (link: Link) =>
    link.addresses.map((x) => `${x.address}/${x.prefixLength}`).sort().join();
  return text(a) === text(b);
}

/** Whether a host with this address is reached over the link itself. */
export function isOnLink(address: string, link: Link): boolean {
  const bytes = addressBytes(withoutZone(address));
  if (bytes === undefined) return false;
  if (link.family === 6 && isLinkLocal6(bytes)) return true;
  return link.addresses.some((own) => {
    const ownBytes = addressBytes(own.address);
    return ownBytes !== undefined &&
      samePrefix(bytes, ownBytes, own.prefixLength);
  });
}

/** Whether two links are in one subnet, or were given the same one. */
export function shareSubnet(a: Link, b: Link): boolean {
  return a.addresses.some((one) => {
    const bytes = addressBytes(one.address);
    return bytes !== undefined && b.addresses.some((other) => {
      const otherBytes = addressBytes(other.address);
      return otherBytes !== undefined &&
        one.prefixLength === other.prefixLength &&
        samePrefix(bytes, otherBytes, one.prefixLength);
    });
  });
}

/**
 * The interfaces over which a host is reached: the one that has the address
 * itself, else those in its subnet, the narrowest one where subnets overlap.
 *
 * @param all every address of the machine
 * @returns their names; none when the machine is not on the host's subnet
 */
export function interfacesTowards(
  address: string,
  all: readonly InterfaceAddress[],
): Set<string> {
  const bytes = addressBytes(withoutZone(address));
  const names = new Set<string>();
  let narrowest = 0;
  for (const own of all) {
    const ownBytes = addressBytes(own.address);
    if (bytes === undefined || ownBytes === undefined) continue;
    const bits = samePrefix(bytes, ownBytes, bytes.length * 8)
      ? bytes.length * 8
      : own.prefixLength;
    if (bits < narrowest || !samePrefix(bytes, ownBytes, bits)) continue;
    if (bits > narrowest) names.clear();
    narrowest = bits;
    names.add(own.interfaceName);
  }
  return names;
}

/** 127.0.0.0/8 or ::1. */
export function isLoopbackAddress(address: string): boolean {
  return address.startsWith("127.") || address === "::1";
}

/**
 * Every address of this machine; those of the last time when the system does
 * not tell.
 *
 * @throws UserError when Deno was started without the permission to ask
 */
export function systemAddresses(): InterfaceAddress[] {
  try {
    lastSystemAddresses = Deno.networkInterfaces().map((entry) => ({
      interfaceName: entry.name,
      address: withoutZone(entry.address),
      prefixLength: Number(entry.cidr.split("/")[1] ?? 0),
    }));
  } catch (error) {
    // Not to be allowed to ask is no lack of interfaces.
    if (error instanceof Deno.errors.NotCapable) {
      throw new UserError(
        `Cannot look at network interfaces: ${messageOf(error)}`,
      );
    }
    // Asking takes a file descriptor: without one nothing is known to change.
  }
  return lastSystemAddresses;
}

let lastSystemAddresses: InterfaceAddress[] = [];

/**
 * IPv6 loopback has no multicast, and a link-local address means nothing in
 * the URL of a manifest.
 */
function isUsable(address: string): boolean {
  const bytes = addressBytes(address);
  return bytes !== undefined && address !== "::1" && !isLinkLocal6(bytes);
}

/** What is to be used, and what `!` keeps from it. */
function readWanted(wanted: readonly string[]): {
  readonly named: readonly string[];
  readonly excluded: readonly string[];
} {
  return {
    named: wanted.filter((name) => !name.startsWith("!")),
    excluded: wanted.filter((name) => name.startsWith("!"))
      .map((name) => name.slice(1)),
  };
}

/** `lo` means loopback on every system, also where it is called `lo0`. */
function isMeant(wanted: string, own: InterfaceAddress): boolean {
  return wanted === own.interfaceName || sameAddress(wanted, own.address) ||
    (wanted === "lo" && isLoopbackAddress(own.address));
}

function groupLinks(addresses: readonly InterfaceAddress[]): Link[] {
  const groups = Map.groupBy(
    addresses,
    ({ address, interfaceName }) => `${familyOf(address)}/${interfaceName}`,
  );
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    return first === undefined ? [] : [{
      interfaceName: first.interfaceName,
      family: familyOf(first.address),
      addresses: group,
    }];
  }).sort((a, b) => a.family - b.family);
}

function familyOf(address: string): 4 | 6 {
  return address.includes(":") ? 6 : 4;
}

function sameAddress(a: string, b: string): boolean {
  const [x, y] = [addressBytes(withoutZone(a)), addressBytes(b)];
  return x !== undefined && y !== undefined && samePrefix(x, y, x.length * 8);
}

function withoutZone(address: string): string {
  return address.split("%")[0] ?? address;
}
