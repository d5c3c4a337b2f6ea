import type { Libp2p } from "@libp2p/interface";
import { createLibp2p } from "libp2p";
import {
  CLIENT_TRANSPORT_OPTIONS,
  diallingOptions,
  LOOPBACK_GATER,
} from "./dialling.ts";

/** From dialling to the answer, which takes six round trips. */
export const STRANGER_TIMEOUT_MS = 3000;

/**
 * Opens a libp2p with a one-time identity. It does not listen, and does without
 * kad-dht, identify and ping, which halves what a booting machine has to load.
 *
 * @param loopbackOnly whether to dial no other machine
 * @param timeoutMs for a node; half of it for one of several addresses
 */
export async function openStranger(
  { loopbackOnly, timeoutMs = STRANGER_TIMEOUT_MS }: {
    readonly loopbackOnly?: boolean | undefined;
    readonly timeoutMs?: number | undefined;
  },
): Promise<Libp2p> {
  return await createLibp2p({
    ...CLIENT_TRANSPORT_OPTIONS,
    addresses: { listen: [] },
    ...loopbackOnly === true && { connectionGater: LOOPBACK_GATER },
    connectionManager: diallingOptions(timeoutMs, timeoutMs / 2),
    // Pings every connection; none lives long enough here.
    connectionMonitor: { enabled: false },
  });
}
