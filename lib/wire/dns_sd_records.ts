import { type ChannelArch, manifestPath } from "../core/channel_arch.ts";
import { ok, type Result } from "../core/result.ts";
import { type DnsRecord, DnsType } from "../net/dns/message.ts";
import type { DnsName } from "../net/dns/name.ts";
import type { Claim } from "../net/mdns/claim_register.ts";
import { META_QUERY_NAME, SERVICE_NAME, subtypeName } from "./dns_sd_names.ts";
import { encodeTxt } from "./dns_sd_txt.ts";

/** RFC 6762 section 10: what hangs on a host's addresses lives shorter. */
const HOST_TTL_SECONDS = 120;
const OTHER_TTL_SECONDS = 4500;

/** Room for `version=` in a TXT string. */
const MAX_VERSION_BYTES = 247;

/** Answers the question which service types there are (RFC 6763 section 9). */
export const META_RECORD: DnsRecord = {
  name: META_QUERY_NAME,
  type: DnsType.PTR,
  ttlSeconds: OTHER_TTL_SECONDS,
  cacheFlush: false,
  target: SERVICE_NAME,
};

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

/** The claim to a service instance that offers one image. */
export function imageClaim(
  { image, instance, host, port, txt }: {
    readonly image: ChannelArch;
    readonly instance: DnsName;
    readonly host: DnsName;
    /** Where HTTP is served. */
    readonly port: number;
    readonly txt: readonly Uint8Array[];
  },
): Claim {
  const pointer = (name: DnsName): DnsRecord => ({
    name,
    type: DnsType.PTR,
    ttlSeconds: OTHER_TTL_SECONDS,
    cacheFlush: false,
    target: instance,
  });
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
    shared: [pointer(SERVICE_NAME), pointer(subtypeName(image))],
  };
}

/**
 * The TXT record of an image, `txtvers` first (RFC 6763 section 6.7).
 *
 * @param p2pAddress left out when it is too long
 * @returns the reason when the URL is too long
 */
export function imageTxt(
  { image, version, manifestUrl, p2pAddress }: {
    readonly image: ChannelArch;
    readonly version: string;
    readonly manifestUrl: string;
    readonly p2pAddress?: string | undefined;
  },
): Result<Uint8Array[]> {
  const required = encodeTxt([
    ["txtvers", "1"],
    ["channel", image.channel],
    ["arch", image.arch],
    ["manifest", manifestUrl],
    ["version", cutText(version, MAX_VERSION_BYTES)],
  ]);
  if (!required.ok || p2pAddress === undefined) return required;
  const p2p = encodeTxt([["p2p", p2pAddress]]);
  return ok([...required.value, ...p2p.ok ? p2p.value : []]);
}

/**
 * Where a client on a link gets the manifest.
 *
 * @param address the provider's address on that link
 * @param advertiseUrl replaces scheme, address and port; its path comes first
 */
export function linkManifestUrl(
  image: ChannelArch,
  { address, port, advertiseUrl }: {
    readonly address: string;
    readonly port: number;
    readonly advertiseUrl?: URL | undefined;
  },
): string {
  if (advertiseUrl !== undefined) {
    const prefix = advertiseUrl.pathname.replace(/\/+$/, "");
    return `${advertiseUrl.origin}${prefix}${manifestPath(image)}`;
  }
  const host = address.includes(":") ? `[${address}]` : address;
  return `http://${host}:${port}${manifestPath(image)}`;
}

/** The longest beginning that fits, in whole characters. */
function cutText(text: string, maxBytes: number): string {
  const buffer = new Uint8Array(maxBytes);
  const { read } = new TextEncoder().encodeInto(text, buffer);
  return text.slice(0, read);
}
