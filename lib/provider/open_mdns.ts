import {
  type MdnsAdvertiser,
  openMdnsAdvertiser,
} from "../advertise/mdns_advertiser.ts";
import type { ServingNode } from "../net/dht/node.ts";
import type { HttpServer } from "../net/http1/server.ts";
import type { Machine, ServeConfig } from "./machine.ts";

/** Advertises by mDNS, on links where HTTP answers. */
export async function openMdns(
  { interfaces, advertiseUrl }: ServeConfig,
  { clock, logger, hostName }: Machine,
  { http, node }: {
    readonly http: HttpServer;
    readonly node: ServingNode | undefined;
  },
): Promise<MdnsAdvertiser> {
  return await openMdnsAdvertiser({
    interfaces,
    hostName,
    port: http.port,
    ...advertiseUrl !== undefined && { advertiseUrl: new URL(advertiseUrl) },
    p2pAddress: (address) =>
      node?.addresses().find((a) =>
        a.startsWith(`/${address.includes(":") ? "ip6" : "ip4"}/${address}/`)
      ),
    isServed: (address) => listensOn(http.hostname, address),
    clock,
    logger,
  });
}

function listensOn(bound: string, address: string): boolean {
  return bound === address || bound === "::" ||
    (bound === "0.0.0.0" && !address.includes(":"));
}
