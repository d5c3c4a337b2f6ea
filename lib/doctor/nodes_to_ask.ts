import { propertyOf } from "../core/property_of.ts";
import type { DhtStatus } from "./provider_view.ts";

/** A look-up begins at a few nodes and goes on to those that they name. */
const MAX_NODES = 8;

/**
 * The nodes through which a stranger looks for a provider: its bootstrap nodes,
 * then those connected to it. Some of the latter connected from a port that
 * accepts no connections, so they do not answer.
 *
 * @param peers the provider's `/peers`, untrusted
 * @returns multiaddrs with peer id, excluding the provider's own
 */
export function nodesToAsk(
  { peerId, bootstrap }: Pick<DhtStatus, "peerId" | "bootstrap">,
  peers: string,
): string[] {
  const joined = bootstrap.filter(({ state }) => state === "connected")
    .map(({ address }) => address);
  const nodes = [...joined, ...connectedIn(peers)]
    .filter((address) => !address.endsWith(`/p2p/${peerId}`));
  return [...new Set(nodes)].slice(0, MAX_NODES);
}

function connectedIn(text: string): string[] {
  let peers: unknown;
  try {
    peers = propertyOf(JSON.parse(text), "peers");
  } catch {
    return []; // Not a provider of this version.
  }
  return !Array.isArray(peers) ? [] : peers.flatMap((peer) => {
    const address = propertyOf(peer, "address");
    const id = propertyOf(peer, "peer_id");
    if (propertyOf(peer, "connected") !== true) return [];
    if (typeof address !== "string" || typeof id !== "string") return [];
    return [address.includes("/p2p/") ? address : `${address}/p2p/${id}`];
  });
}
