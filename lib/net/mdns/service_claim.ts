import { type DnsRecord, DnsType } from "../dns/message.ts";
import type { DnsName } from "../dns/name.ts";
import type { Claim } from "./claim_register.ts";
import { HOST_TTL_SECONDS, OTHER_TTL_SECONDS } from "./record_ttls.ts";

/** Asks which service types there are, RFC 6763 section 9. */
const META_QUERY_NAME: DnsName = "_services._dns-sd._udp.local";

/** The record that lists a service type in answer to the meta-query. */
export function metaRecord(service: DnsName): DnsRecord {
  return pointer(META_QUERY_NAME, service);
}

/** The claim to a host name with its addresses on one interface. */
export function hostClaim(
  name: DnsName,
  addresses: readonly string[],
): Claim {
  const unique = addresses.map((address): DnsRecord => ({
    name,
    type: address.includes(":") ? DnsType.AAAA : DnsType.A,
    ttlSeconds: HOST_TTL_SECONDS,
    cacheFlush: true,
    address,
  }));
  return { name, unique, shared: [] };
}

/** The claim to a service instance, RFC 6763 sections 4 to 7. */
export function serviceClaim(
  { instance, listedUnder, host, port, txt }: {
    readonly instance: DnsName;
    /** The service type and the subtypes of the instance. */
    readonly listedUnder: readonly DnsName[];
    readonly host: DnsName;
    /** Where the host serves it. */
    readonly port: number;
    readonly txt: readonly Uint8Array[];
  },
): Claim {
  return {
    name: instance,
    unique: [
      {
        name: instance,
        type: DnsType.SRV,
        ttlSeconds: HOST_TTL_SECONDS,
        cacheFlush: true,
        service: { priority: 0, weight: 0, port, target: host },
      },
      {
        name: instance,
        type: DnsType.TXT,
        ttlSeconds: OTHER_TTL_SECONDS,
        cacheFlush: true,
        strings: txt,
      },
    ],
    shared: listedUnder.map((name) => pointer(name, instance)),
  };
}

function pointer(name: DnsName, target: DnsName): DnsRecord {
  return {
    name,
    type: DnsType.PTR,
    ttlSeconds: OTHER_TTL_SECONDS,
    cacheFlush: false,
    target,
  };
}
