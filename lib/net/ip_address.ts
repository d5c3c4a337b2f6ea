/**
 * Reads the text of an IPv4 or IPv6 address.
 *
 * @returns its 4 or 16 bytes, or undefined when it is neither
 */
export function addressBytes(text: string): Uint8Array | undefined {
  return text.includes(":") ? ipv6Bytes(text) : ipv4Bytes(text);
}

/** Writes 4 bytes as `10.0.0.1`, or 16 bytes in the form of RFC 5952. */
export function addressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  const groups = Array.from(
    { length: 8 },
    (_, i) => ((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0),
  );
  const hex = groups.map((group) => group.toString(16));
  // The URL standard writes an address as RFC 5952 does.
  return new URL(`http://[${hex.join(":")}]`).hostname.slice(1, -1);
}

/** Whether both addresses share the first `prefixLength` bits. */
export function samePrefix(
  a: Uint8Array,
  b: Uint8Array,
  prefixLength: number,
): boolean {
  if (a.length !== b.length) return false;
  const wholeBytes = prefixLength >> 3;
  for (let i = 0; i < wholeBytes; i++) if (a[i] !== b[i]) return false;
  const rest = prefixLength & 7;
  if (rest === 0) return true;
  const mask = (0xff << (8 - rest)) & 0xff;
  return ((a[wholeBytes] ?? 0) & mask) === ((b[wholeBytes] ?? 0) & mask);
}

/** Whether an IPv6 address holds on its own link only (fe80::/10). */
export function isLinkLocal6(bytes: Uint8Array): boolean {
  return bytes.length === 16 && bytes[0] === 0xfe &&
    ((bytes[1] ?? 0) & 0xc0) === 0x80;
}

/** IPv4 prefixes without a meaning on the internet, or that name no host. */
const NOT_PUBLIC_4: readonly (readonly [prefix: string, length: number])[] = [
  ["0.0.0.0", 8], // this network (RFC 1122 section 3.2.1.3)
  ["10.0.0.0", 8], // private (RFC 1918)
  ["100.64.0.0", 10], // shared by a carrier's customers (RFC 6598)
  ["127.0.0.0", 8], // loopback (RFC 1122 section 3.2.1.3)
  ["169.254.0.0", 16], // link-local (RFC 3927)
  ["172.16.0.0", 12], // private (RFC 1918)
  ["192.168.0.0", 16], // private (RFC 1918)
  ["224.0.0.0", 3], // multicast (RFC 5771), reserved and broadcast (RFC 1112)
];
/** The only IPv6 prefix given out to networks (RFC 4291 section 2.4). */
const GLOBAL_UNICAST_6 = Uint8Array.of(0x20, ...new Uint8Array(15));
/** An IPv4 address follows (RFC 4291 section 2.5.5.2). */
const MAPPED_4 = Uint8Array.of(...new Uint8Array(10), 255, 255, 0, 0, 0, 0);

/**
 * Whether an address of 4 or 16 bytes is one that the internet has routes to.
 * Those for documentation (RFC 5737, RFC 3849) stand for such.
 */
export function isPublicAddress(bytes: Uint8Array): boolean {
  if (bytes.length === 16) {
    return samePrefix(bytes, MAPPED_4, 96)
      ? isPublicAddress(bytes.subarray(12))
      : samePrefix(bytes, GLOBAL_UNICAST_6, 3);
  }
  return bytes.length === 4 &&
    !NOT_PUBLIC_4.some(([prefix, length]) =>
      samePrefix(bytes, Uint8Array.from(prefix.split("."), Number), length)
    );
}

/**
 * Whether a text is an IP address that has no meaning beyond its own network;
 * a host name is none.
 *
 * @param text with or without the zone of an IPv6 address
 */
export function isPrivateAddress(text: string): boolean {
  const bytes = addressBytes(text.replace(/%.*$/, ""));
  return bytes !== undefined && !isPublicAddress(bytes);
}

/** Whether a multiaddr leads out of this network, by address or by name. */
export function isPublicMultiaddr(multiaddr: string): boolean {
  const [, kind, host = ""] = multiaddr.split("/");
  return kind === "ip4" || kind === "ip6"
    ? !isPrivateAddress(host)
    : host !== "localhost" && !host.endsWith(".local");
}

/**
 * An address as its own family writes it: on a socket for both families IPv4
 * clients look like IPv6 ones, `::ffff:192.0.2.1` (RFC 4291 section 2.5.5.2).
 *
 * @param text of an address, in any form
 */
export function unmappedAddress(text: string): string {
  const bytes = addressBytes(text);
  return bytes?.length === 16 && samePrefix(bytes, MAPPED_4, 96)
    ? addressText(bytes.subarray(12))
    : text;
}

/** `http://192.0.2.1:8080`, with the brackets that IPv6 needs. */
export function httpBaseUrl(address: string, port: number): string {
  return `http://${address.includes(":") ? `[${address}]` : address}:${port}`;
}

function ipv4Bytes(text: string): Uint8Array | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  if (!parts.every((p) => /^(0|[1-9]\d{0,2})$/.test(p) && Number(p) < 256)) {
    return undefined;
  }
  return Uint8Array.from(parts, Number);
}

function ipv6Bytes(text: string): Uint8Array | undefined {
  if (!/^[\da-f:.]+$/i.test(text)) return undefined;
  // The URL standard reads each form, and writes groups of hex digits.
  const host = URL.parse(`http://[${text}]`)?.hostname.slice(1, -1);
  if (host === undefined) return undefined;
  const [head = [], tail = []] = host.split("::")
    .map((half) => half === "" ? [] : half.split(":"));
  const zeros = new Array(8 - head.length - tail.length).fill("0");
  return Uint8Array.from(
    [...head, ...zeros, ...tail].flatMap((group) => {
      const value = parseInt(group, 16);
      return [value >> 8, value & 0xff];
    }),
  );
}
