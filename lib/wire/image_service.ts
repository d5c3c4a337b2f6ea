import { type ChannelArch, manifestPath } from "../core/channel_arch.ts";
import { printable } from "../core/printable.ts";
import { ok, refuse, type Result } from "../core/result.ts";
import { type DnsName, nameLabels } from "../net/dns/name.ts";
import { isLoopbackAddress, isOnLink, type Link } from "../net/interfaces.ts";
import { addressBytes, isLinkLocal6 } from "../net/ip_address.ts";
import type { ServiceRecords } from "../net/mdns/querier.ts";
import { type ImageTxt, readImageTxt } from "./image_txt.ts";

/** No more addresses of one provider are tried. */
const MAX_ADDRESSES = 8;

/** What a `path` may be: non-empty segments as in RFC 3986 section 3.3. */
const PATH = /^(\/[\w.~!$&'()*+,;=:@-]+)+$/;

/** What fits a TXT string beside `path=`. */
const MAX_PATH_BYTES = 250;

/** An image that a host on the link says to have. */
export interface FoundService extends Omit<ImageTxt, "manifestUrl" | "path"> {
  /**
   * Where its manifest is had: http or https, with a host that a booting box
   * can reach. The best comes first, the others are further ways to the same
   * provider.
   */
  readonly manifestUrls: readonly [best: URL, ...others: URL[]];
  /** The provider's host id, fit to be printed. */
  readonly providerName: string | undefined;
  /** Why a part of what it says is not used, fit to be printed. */
  readonly problem: string | undefined;
}

/**
 * Reads an instance by its TXT record; the instance's name promises nothing.
 *
 * Where it has `path`, URLs are made of that, the SRV record's port and the
 * addresses of its target: first those on the link, and of these the one that
 * `manifest` names, which the provider prefers; then comes `manifest` itself,
 * then the addresses on other subnets. Without path, port or address there is
 * `manifest` alone. A link-local address of IPv6 is never among them: it means
 * nothing without a zone, which no URL can have (RFC 9844 section 1).
 *
 * @param link where it was heard
 * @returns the reason when it cannot be used, fit to be printed
 */
export function readService(
  records: ServiceRecords,
  link: Link,
): Result<FoundService> {
  const txt = readImageTxt(records.txt);
  if (!txt.ok) return txt;
  const { manifestUrl, path, ...said } = txt.value;
  const addresses = reachableAddresses(records, link);
  const manifest = readManifestUrl(manifestUrl, addresses, records.source);
  const built = path === undefined
    ? ok([])
    : buildUrls(path, addresses, records.port);
  const manifestUrls = bestFirst(manifest, built.ok ? built.value : [], link);
  return manifestUrls.ok
    ? ok({
      ...said,
      manifestUrls: manifestUrls.value,
      providerName: providerName(records.host),
      problem: [built, manifest].find((part) => !part.ok)?.reason,
    })
    : manifestUrls;
}

/**
 * Where a link is told to find the manifest. With an `advertiseUrl` there is no
 * `path`: that URL names a scheme, host or port on purpose (a TLS proxy in
 * front, say), which a client could not derive from the provider's own
 * addresses and the port of the SRV record.
 *
 * @param address the provider's address on that link
 * @param advertiseUrl replaces scheme, address and port; its path comes first
 */
export function manifestPlace(
  image: ChannelArch,
  { address, port, advertiseUrl }: {
    readonly address: string;
    readonly port: number;
    readonly advertiseUrl?: URL | undefined;
  },
): Pick<ImageTxt, "manifestUrl" | "path"> {
  const path = manifestPath(image);
  if (advertiseUrl !== undefined) {
    const prefix = advertiseUrl.pathname.replace(/\/+$/, "");
    return { manifestUrl: `${advertiseUrl.origin}${prefix}${path}` };
  }
  return { manifestUrl: `http://${urlHost(address)}:${port}${path}`, path };
}

/** The addresses of the SRV record's target, those on the link first. */
function reachableAddresses(
  { addresses, source }: ServiceRecords,
  link: Link,
): string[] {
  const distance = (address: string) => isOnLink(address, link) ? 0 : 1;
  return addresses.filter((address) => isReachable(address, source))
    .sort((a, b) => distance(a) - distance(b))
    .slice(0, MAX_ADDRESSES);
}

interface BuiltUrl {
  readonly address: string;
  readonly url: URL;
}

function buildUrls(
  path: string,
  addresses: readonly string[],
  port = 0,
): Result<BuiltUrl[]> {
  const isPath = path.length <= MAX_PATH_BYTES && PATH.test(path) &&
    !path.split("/").some((segment) => segment === "." || segment === "..");
  if (!isPath) {
    return refuse(`path "${printable(path)}" is not one like /stable/arm64`);
  }
  return ok(
    (port === 0 ? [] : addresses).map((address) => ({
      address,
      url: new URL(`http://${urlHost(address)}:${port}${path}`),
    })),
  );
}

function bestFirst(
  manifest: Result<URL>,
  built: readonly BuiltUrl[],
  link: Link,
): Result<FoundService["manifestUrls"]> {
  const preferred = manifest.ok ? manifest.value.hostname : "";
  const onLink = built.filter(({ address }) => isOnLink(address, link))
    .map(({ url }) => url);
  const byHref = new Map(
    [
      ...onLink.filter(({ hostname }) => hostname === preferred),
      ...onLink,
      ...manifest.ok ? [manifest.value] : [],
      ...built.map(({ url }) => url),
    ].map((url) => [url.href, url]),
  );
  const [best, ...others] = byHref.values();
  if (best !== undefined) return ok([best, ...others]);
  return manifest.ok ? ok([manifest.value]) : manifest;
}

function readManifestUrl(
  text: string,
  addresses: readonly string[],
  source: string,
): Result<URL> {
  if (!URL.canParse(text)) {
    return refuse(`manifest "${printable(text)}" is not a URL`);
  }
  const url = new URL(text);
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    return refuse(`manifest "${printable(text)}" is not http or https`);
  }
  if (leadsNowhere(url.hostname, source)) {
    const address = [...addresses, source]
      .find((address) => isReachable(address, source));
    if (address === undefined) {
      return refuse(`manifest "${printable(text)}" leads nowhere`);
    }
    url.hostname = urlHost(address);
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

/**
 * Whether an address can stand in a URL and lead to another machine: no
 * link-local IPv6, no multicast or unspecified address, no IPv4 mapped into
 * IPv6, and loopback only if this machine said so.
 */
function isReachable(address: string, source: string): boolean {
  const bytes = addressBytes(address);
  if (bytes === undefined || isLinkLocal6(bytes)) return false;
  if (isLoopbackAddress(address)) return isLoopbackAddress(source);
  const [first = 0] = bytes;
  return bytes.length === 4
    ? first > 0 && first < 224
    : first > 0 && first < 255;
}

/** An address as the host of a URL. */
function urlHost(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}

function providerName(host: DnsName | undefined): string | undefined {
  if (host === undefined) return undefined;
  const labels = nameLabels(host);
  const first = labels.ok ? labels.value[0] : undefined;
  return first === undefined
    ? undefined
    : printable(new TextDecoder().decode(first).replace(/^phase-/, ""));
}
