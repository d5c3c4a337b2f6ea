import type { MultiaddrConnection } from "@libp2p/interface";
import { hostKey, rememberedGroups } from "../peer_groups.ts";
import { hostOf } from "./addresses.ts";

/** The parts of a connection that matter here. */
export type InboundConnection = Pick<
  MultiaddrConnection,
  "remoteAddr" | "status" | "addEventListener"
>;

/**
 * Refuses connections of a host that has many open.
 *
 * @param max how many one host may have
 * @returns a part of libp2p's connection gater
 */
export function limitPerHost(
  max: number,
): { denyInboundConnection(connection: InboundConnection): boolean } {
  const counts = new Map<string, number>();
  const keyOf = rememberedGroups(hostKey);
  return {
    denyInboundConnection(connection) {
      const host = keyOf(hostOf(connection.remoteAddr));
      const count = counts.get(host) ?? 0;
      if (count >= max) return true;
      if (connection.status !== "open") return false;
      counts.set(host, count + 1);
      connection.addEventListener("close", () => {
        const left = (counts.get(host) ?? 0) - 1;
        if (left > 0) counts.set(host, left);
        else counts.delete(host);
      }, { once: true });
      return false;
    },
  };
}
