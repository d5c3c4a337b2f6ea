import { noise } from "@chainsafe/libp2p-noise";
import { yamux } from "@chainsafe/libp2p-yamux";
import { tcp } from "@libp2p/tcp";
import type { Multiaddr } from "@multiformats/multiaddr";
import type { Libp2pOptions } from "libp2p";
import { isLoopbackMultiaddr } from "../../../core/multiaddr_text.ts";
import { diallingOrder } from "./addresses.ts";

/** What every libp2p of this project is made of, serving or not. */
export const TRANSPORT_OPTIONS = {
  transports: [tcp()],
  connectionEncrypters: [noise()],
  streamMuxers: [yamux()],
};

/** A connection gater that lets nothing be dialled but this machine. */
export const LOOPBACK_GATER = {
  denyDialMultiaddr: (address: Multiaddr): boolean =>
    !isLoopbackMultiaddr(address.toString()),
};

/**
 * How others are dialled.
 *
 * @param timeoutMs for all addresses of a node together
 * @param addressTimeoutMs for one of them: less, so that there is time for a
 * second one
 */
export function diallingOptions(
  timeoutMs: number,
  addressTimeoutMs: number,
): NonNullable<Libp2pOptions["connectionManager"]> {
  return {
    dialTimeout: timeoutMs,
    addressDialTimeout: addressTimeoutMs,
    addressSorter: diallingOrder(),
  };
}
