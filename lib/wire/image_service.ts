import { type ChannelArch, manifestPath } from "../core/channel_arch.ts";
import { printable } from "../core/printable.ts";
import { ok, refuse, type Result } from "../core/result.ts";
import { type DnsName, nameLabels } from "../net/dns/name.ts";
import { isLoopbackAddress } from "../net/interfaces.ts";
import { addressBytes, isLinkLocal6 } from "../net/ip_address.ts";
import type { ServiceRecords } from "../net/mdns/querier.ts";
import { type ImageTxt, readImageTxt } from "./image_txt.ts";

/** An image that a host on the link says to have. */
export interface FoundService extends Omit<ImageTxt, "manifestUrl"> {
  /** http or https, with a host that a booting box can reach. */
  readonly manifestUrl: URL;
  /** The provider's host id, fit to be printed. */
  readonly providerName: string | undefined;
}

/**
 * Reads an instance by its TXT record; the instance's name promises nothing.
 *
 * @returns the reason when it cannot be used, fit to be printed
 */
export function readService(records: ServiceRecords): Result<FoundService> {
  const txt = readImageTxt(records.txt);
  if (!txt.ok) return txt;
  const url = readManifestUrl(txt.value.manifestUrl, records);
  if (!url.ok) return url;
  return ok({
    ...txt.value,
    manifestUrl: url.value,
    providerName: providerName(records.host),
  });
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
