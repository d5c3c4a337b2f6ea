import { noise } from "@chainsafe/libp2p-noise";
import { yamux } from "@chainsafe/libp2p-yamux";
import { tcp } from "@libp2p/tcp";
import type { Multiaddr } from "@multiformats/multiaddr";
import type { Libp2pOptions } from "libp2p";
import { isLoopbackMultiaddr } from "../../../core/multiaddr_text.ts";
import { diallingOrder } from "./addresses.ts";

/** As little of a stream as the protocol allows is kept for a slow reader. */
const STREAM_BYTES = 256 << 10;

/** What every libp2p of this project is made of that others may ask. */
export const TRANSPORT_OPTIONS = transportOptions(64);

/** A client's: it is asked nothing, and what would be sent to it is not kept. */
export const CLIENT_TRANSPORT_OPTIONS = transportOptions(0);

/** @param maxInboundStreams of one connection, opened by the other side */
function transportOptions(maxInboundStreams: number) {
  return {
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux({
      maxInboundStreams,
      streamOptions: {
        initialStreamWindowSize: STREAM_BYTES,
        maxStreamWindowSize: STREAM_BYTES,
      },
    })],
  };
}

/** A connection gater that lets nothing be dialled but this machine. */
export const LOOPBACK_GATER = {
  denyDialMultiaddr: (address: Multiaddr): boolean =>
    !isLoopbackMultiaddr(address.toString()),
};

/**
 * Options for dialling other nodes.
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
