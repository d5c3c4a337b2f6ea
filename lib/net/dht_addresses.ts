import { isLinkLocal, isLoopback } from "@libp2p/utils";
import { type Multiaddr, multiaddr } from "@multiformats/multiaddr";
import { checkMultiaddr } from "../core/multiaddr_text.ts";

/**
 * The addresses worth telling others: without loopback and link-local ones,
 * unless there are no others, as in a test or with `--interface lo`.
 *
 * @internal for dht_*.ts and kad_*.ts
 */
export function reachableAddresses(addresses: Multiaddr[]): Multiaddr[] {
  const reachable = addresses.filter((address) =>
    !isLoopback(address) && !isLinkLocal(address)
  );
  return reachable.length > 0 ? reachable : addresses;
}

/**
 * Each address once, in order.
 *
 * @internal for dht_*.ts and kad_*.ts
 */
export function uniqueAddresses(addresses: readonly Multiaddr[]): Multiaddr[] {
  return [...new Map(addresses.map((a) => [a.toString(), a])).values()];
}

/** A binary multiaddr as text, or undefined when no node of ours can dial it. */
export function multiaddrText(bytes: Uint8Array): string | undefined {
  try {
    // Some nodes append their peer id to each address, others do not.
    const text = multiaddr(bytes).toString().replace(/\/p2p\/[^/]+$/, "");
    return checkMultiaddr(text).ok ? text : undefined;
  } catch {
    return undefined; // of a kind that this version does not know
  }
}
