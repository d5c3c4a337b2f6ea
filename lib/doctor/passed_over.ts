import {
  type InterfaceAddress,
  isLoopbackAddress,
  selectLinks,
} from "../net/interfaces.ts";

/** An interface that a provider does not use. */
export interface PassedOver {
  /** Such as `docker0`. */
  readonly interfaceName: string;
  /** Without prefix lengths. */
  readonly addresses: readonly string[];
  /** Why: a clause. */
  readonly reason: string;
}

/**
 * The interfaces that a machine's provider does not use, and why; loopback is
 * left out.
 *
 * @param all every address of the machine
 * @param bare interfaces without an address, as far as known
 * @param used names of those in use
 * @param named what the provider was told to use
 */
export function passedOver(
  all: readonly InterfaceAddress[],
  { bare, used, named }: {
    readonly bare: readonly string[];
    readonly used: readonly string[];
    readonly named: readonly string[];
  },
): PassedOver[] {
  const byName = Map.groupBy(
    all.filter(({ address }) => !isLoopbackAddress(address)),
    ({ interfaceName }) => interfaceName,
  );
  const unused = [...byName].filter(([name]) => !used.includes(name));
  return [
    ...unused.map(([interfaceName, own]) => ({
      interfaceName,
      addresses: own.map(({ address }) => address),
      reason: whyPassedOver(interfaceName, own, named),
    })),
    ...bare.map((interfaceName) => ({
      interfaceName,
      addresses: [],
      reason: "it has no address",
    })),
  ];
}

/**
 * The interfaces and addresses that a provider is to use but that this machine
 * does not have.
 *
 * @param wanted as accepted by `selectLinks`
 */
export function absentInterfaces(
  all: readonly InterfaceAddress[],
  wanted: readonly string[],
): string[] {
  return wanted.filter((name) =>
    !name.startsWith("!") && selectLinks(all, [name]).length === 0
  );
}

function whyPassedOver(
  name: string,
  own: readonly InterfaceAddress[],
  named: readonly string[],
): string {
  if (selectLinks(own, [name]).length === 0) {
    return "it has a link-local IPv6 address alone, which no URL can name";
  }
  if (named.length > 0) return "the provider was told which interfaces to use";
  return selectLinks(own, []).length === 0
    ? "it leads to containers or virtual machines by its name"
    : "the provider does not use it yet";
}
