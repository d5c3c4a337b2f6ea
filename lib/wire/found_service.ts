import { type ChannelArch, parseChannelArch } from "../core/channel_arch.ts";
import { checkMultiaddr } from "../core/multiaddr_text.ts";
import { printable } from "../core/printable.ts";
import { ok, refuse, type Result } from "../core/result.ts";
import { type DnsName, nameLabels } from "../net/dns/name.ts";
import { isLoopbackAddress } from "../net/interfaces.ts";
import { addressBytes, isLinkLocal6 } from "../net/ip_address.ts";
import { decodeTxt } from "./dns_sd_txt.ts";

/** An image that somebody on the link says to have. */
export interface FoundService {
  /** Which image it is, aliases of the architecture resolved. */
  readonly image: ChannelArch;
  /** http or https, with a host that a booting box can reach. */
  readonly manifestUrl: URL;
  /** Fit to be printed. */
  readonly version: string;
  /** The provider's host id, fit to be printed. */
  readonly providerName: string | undefined;
  /** A multiaddr with peer id: where the provider's DHT node is. */
  readonly p2pAddress: string | undefined;
}

/** What the records of an instance say. */
export interface ServiceRecords {
  /** The TXT record's strings. */
  readonly txt: readonly Uint8Array[];
  /** The SRV record's target. */
  readonly host: DnsName | undefined;
  /** What is known of the target's addresses. */
  readonly addresses: readonly string[];
  /** Who sent the answer. */
  readonly source: string;
}

/**
 * Reads an instance by its TXT record; the instance's name is nobody's promise.
 *
 * @returns the reason when it cannot be used, fit to be printed
 */
export function readService(records: ServiceRecords): Result<FoundService> {
  const attributes = decodeTxt(records.txt);
  const image = parseChannelArch(
    attributes.get("channel") ?? "",
    attributes.get("arch") ?? "",
  );
  if (!image.ok) return refuse(`TXT record without channel and arch`);
  const url = readManifestUrl(attributes.get("manifest") ?? "", records);
  if (!url.ok) return url;
  const p2pAddress = attributes.get("p2p");
  return ok({
    image: image.value,
    manifestUrl: url.value,
    version: printable(attributes.get("version") ?? "", 100),
    providerName: providerName(records.host),
    p2pAddress: p2pAddress !== undefined && isPeerAddress(p2pAddress)
      ? p2pAddress
      : undefined,
  });
}

/** The peer id at the end of a multiaddr, or undefined when it has none. */
export function peerIdOf(p2pAddress: string): string | undefined {
  return p2pAddress.split("/p2p/")[1];
}

function isPeerAddress(text: string): boolean {
  return checkMultiaddr(text).ok && peerIdOf(text) !== undefined;
}

function readManifestUrl(
  text: string,
  { addresses, source }: ServiceRecords,
): Result<URL> {
  if (!URL.canParse(text)) {
    return refuse(`manifest "${printable(text)}" is no URL`);
  }
  const url = new URL(text);
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    return refuse(`manifest "${printable(text)}" is not http or https`);
  }
  if (leadsNowhere(url.hostname, source)) {
    const address = [...addresses, source].find(isReachable);
    if (address === undefined) {
      return refuse(`manifest "${printable(text)}" leads nowhere`);
    }
    url.hostname = address.includes(":") ? `[${address}]` : address;
  }
  return ok(url);
}

/**
 * Whether a host name in a manifest URL means nothing on a booting box: names
 * that only multicast DNS resolves, and addresses of the provider itself.
 */
function leadsNowhere(hostname: string, source: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, "").toLowerCase();
  if (/\.local\.?$/.test(host) || host === "0.0.0.0" || host === "::") {
    return true;
  }
  return (host === "localhost" || isLoopbackAddress(host)) &&
    !isLoopbackAddress(source);
}

/** A link-local IPv6 address means nothing in a URL. */
function isReachable(address: string): boolean {
  const bytes = addressBytes(address);
  return bytes !== undefined && !isLinkLocal6(bytes);
}

function providerName(host: DnsName | undefined): string | undefined {
  if (host === undefined) return undefined;
  const labels = nameLabels(host);
  const first = labels.ok ? labels.value[0] : undefined;
  return first === undefined
    ? undefined
    : printable(new TextDecoder().decode(first).replace(/^phase-/, ""));
}
