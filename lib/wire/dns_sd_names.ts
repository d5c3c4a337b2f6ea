import type { ChannelArch } from "../core/channel_arch.ts";
import { type DnsName, MAX_LABEL_BYTES } from "../net/dns/name.ts";

/** The DNS-SD service type of boot images. */
export const SERVICE_NAME: DnsName = "_phase-image._tcp.local";

const MAX_HOST_ID_LENGTH = 20;

/** Leaves room for `phase-`, a host id and `-999` in one label. */
const MAX_IMAGE_IN_INSTANCE = 32;

/**
 * The host id: the short host name, as far as it fits a label of ours.
 *
 * @param hostName as the machine is called, with or without a domain
 */
export function hostIdOf(hostName: string): string {
  const short = hostName.split(".")[0] ?? "";
  const id = short.toLowerCase().replace(/[^a-z0-9-]+/g, "-")
    .slice(0, MAX_HOST_ID_LENGTH).replace(/^-+|-+$/g, "");
  return id === "" ? "host" : id;
}

/** The subtype by which exactly one image is asked for, RFC 6763 section 7.1. */
export function subtypeName(image: ChannelArch): DnsName {
  const label = `_${imageLabel(image, MAX_LABEL_BYTES - 1)}`;
  return `${label}._sub.${SERVICE_NAME}`;
}

/**
 * The service instance of one image on one host.
 *
 * @param ordinal from 2 on it is appended, when others have the name already
 */
export function instanceName(
  image: ChannelArch,
  hostId: string,
  ordinal: number,
): DnsName {
  const label = imageLabel(image, MAX_IMAGE_IN_INSTANCE);
  return `phase-${label}-${hostId}${suffix(ordinal)}.${SERVICE_NAME}`;
}

/** The host name the instances point to: our own, never the machine's. */
export function hostDnsName(hostId: string, ordinal: number): DnsName {
  return `phase-${hostId}${suffix(ordinal)}.local`;
}

function suffix(ordinal: number): string {
  return ordinal > 1 ? `-${ordinal}` : "";
}

/**
 * `<channel>-<arch>`, cut when it is too long; then a hash keeps different
 * images apart. Provider and client must agree on every byte of it.
 */
function imageLabel({ channel, arch }: ChannelArch, maxBytes: number): string {
  const text = `${channel}-${arch}`.replace(/[^a-z0-9_-]/g, "-");
  if (text.length <= maxBytes) return text;
  const hash = fnv1a(`${channel}/${arch}`).toString(16).padStart(8, "0");
  return `${text.slice(0, maxBytes - hash.length - 1)}-${hash}`;
}

/** FNV-1a, 32 bits: enough to tell a few names apart, and no crypto to load. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
  }
  return hash;
}
