import { type ChannelArch, parseChannelArch } from "../core/channel_arch.ts";
import { checkMultiaddr } from "../core/multiaddr_text.ts";
import { printable } from "../core/printable.ts";
import { ok, refuse, type Result } from "../core/result.ts";

/** The longest string of a TXT record, RFC 6763 section 6.1. */
const MAX_STRING_BYTES = 255;

/** Room for `version=` in a TXT string. */
const MAX_VERSION_BYTES = 247;

/** What a provider says of an image in its TXT record. */
export interface ImageTxt {
  /** Which image it is, aliases of the architecture resolved where it was read. */
  readonly image: ChannelArch;
  /** A URL, where it is the provider's own; as it came, where it was read. */
  readonly manifestUrl: string;
  /**
   * The URL's path, for readers that build the URL from the SRV record and an
   * address they can reach; as it came, where it was read. Absent where the
   * manifest is had by another scheme, host or port than the provider's own.
   */
  readonly path?: string | undefined;
  /** The version of the manifest; safe to print. */
  readonly version: string;
  /** A multiaddr with peer id: where the provider's DHT node is. */
  readonly p2pAddress?: string | undefined;
}

/**
 * Writes the TXT record of an image, `txtvers` first (RFC 6763 section 6.7).
 * A version that is too long is cut, a path or multiaddr that is too long left
 * out.
 *
 * @returns the reason when the URL is too long
 */
export function writeImageTxt(
  { image, version, manifestUrl, path, p2pAddress }: ImageTxt,
): Result<Uint8Array[]> {
  const manifest = encodeAttribute("manifest", manifestUrl);
  if (!fits(manifest)) {
    return refuse(
      `TXT attribute "manifest" is ${manifest.length} bytes long, over 255`,
    );
  }
  return ok([
    encodeAttribute("txtvers", "1"),
    encodeAttribute("channel", image.channel),
    encodeAttribute("arch", image.arch),
    manifest,
    encodeAttribute("version", cutText(version, MAX_VERSION_BYTES)),
    ...path === undefined ? [] : [encodeAttribute("path", path)].filter(fits),
    ...p2pAddress === undefined
      ? []
      : [encodeAttribute("p2p", p2pAddress)].filter(fits),
  ]);
}

/**
 * Reads the TXT record of an image.
 *
 * @param strings from a peer
 * @returns the reason when it does not say which image it is
 */
export function readImageTxt(strings: readonly Uint8Array[]): Result<ImageTxt> {
  const attributes = decodeTxt(strings);
  const image = parseChannelArch(
    attributes.get("channel") ?? "",
    attributes.get("arch") ?? "",
  );
  if (!image.ok) return refuse("TXT record without channel and arch");
  const p2pAddress = attributes.get("p2p");
  return ok({
    image: image.value,
    manifestUrl: attributes.get("manifest") ?? "",
    path: attributes.get("path"),
    version: printable(attributes.get("version") ?? "", 100),
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

function encodeAttribute(key: string, value: string): Uint8Array {
  return new TextEncoder().encode(`${key}=${value}`);
}

function fits({ length }: Uint8Array): boolean {
  return length <= MAX_STRING_BYTES;
}

/**
 * Keys in lower case, the first of each key, whatever their order (RFC 6763
 * section 6.4).
 */
function decodeTxt(
  strings: readonly Uint8Array[],
): ReadonlyMap<string, string> {
  const attributes = new Map<string, string>();
  for (const bytes of strings) {
    const text = new TextDecoder().decode(bytes);
    const [key = "", ...rest] = text.split("=");
    const folded = key.toLowerCase();
    if (folded !== "" && !attributes.has(folded)) {
      attributes.set(folded, rest.join("="));
    }
  }
  return attributes;
}

/** The longest beginning that fits, in whole characters. */
function cutText(text: string, maxBytes: number): string {
  const buffer = new Uint8Array(maxBytes);
  const { read } = new TextEncoder().encodeInto(text, buffer);
  return text.slice(0, read);
}
