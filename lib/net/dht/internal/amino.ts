import type { Multiaddr } from "@multiformats/multiaddr";
import { isPublicMultiaddr } from "../../ip_address.ts";

/**
 * What nodes of the public DHT of IPFS keep to, as go-libp2p-kad-dht has it
 * (amino/defaults.go); its k and the number of questions at a time are ours.
 */
export const AMINO = {
  /** How long an entry of a provider is kept. */
  entrySeconds: 48 * 3600,
  /** How long its addresses are told with it: later, its peer id alone. */
  addressSeconds: 24 * 3600,
  /** Nodes of one group of addresses in the routing table. */
  maxOfGroup: 3,
  /** The limit for peers that share as many leading bits with the own id. */
  maxOfGroupAsNear: 2,
  /** As kubo: with fewer nodes in the table, it is joined through others. */
  minNodes: 4,
} as const;

/** The addresses that can be reached from other networks. */
export function publicAddresses(addresses: readonly Multiaddr[]): Multiaddr[] {
  return addresses.filter((one) => isPublicMultiaddr(one.toString()));
}
