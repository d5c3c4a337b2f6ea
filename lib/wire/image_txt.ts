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
  /** Of the manifest; fit to be printed where it was read. */
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
  const required = encodeTxt([
    ["txtvers", "1"],
    ["channel", image.channel],
    ["arch", image.arch],
    ["manifest", manifestUrl],
    ["version", cutText(version, MAX_VERSION_BYTES)],
  ]);
  return required.ok
    ? ok([
      ...required.value,
      ...encodeOptional("path", path),
      ...encodeOptional("p2p", p2pAddress),
    ])
    : required;
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

function encodeOptional(key: string, value: string | undefined): Uint8Array[] {
  const strings = value === undefined ? ok([]) : encodeTxt([[key, value]]);
  return strings.ok ? strings.value : [];
}

/** @param attributes keys of printable ASCII without `=`, in order */
function encodeTxt(
  attributes: Iterable<readonly [key: string, value: string]>,
): Result<Uint8Array[]> {
  const strings: Uint8Array[] = [];
  for (const [key, value] of attributes) {
    const bytes = new TextEncoder().encode(`${key}=${value}`);
    if (bytes.length > MAX_STRING_BYTES) {
      return refuse(
        `TXT attribute "${key}" is ${bytes.length} bytes long, over 255`,
      );
    }
    strings.push(bytes);
  }
  return ok(strings);
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
