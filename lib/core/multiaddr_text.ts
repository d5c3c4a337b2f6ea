import { ok, refuse, type Result } from "./result.ts";

const EXAMPLE = "/ip4/192.0.2.7/tcp/4001/p2p/12D3KooW...";
const MAX_LENGTH = 512;

const OCTET = /^(25[0-5]|2[0-4]\d|1?\d?\d)$/;
const HOST_NAME =
  /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?)*\.?$/i;
/** Base58btc of an identity or SHA-256 multihash, or a CID in base32 or 36. */
const PEER_ID =
  /^([1-9A-HJ-NP-Za-km-z]{40,60}|b[a-z2-7]{50,80}|k[0-9a-z]{50,80})$/;

const HOST_CHECKS: ReadonlyMap<string, (host: string) => boolean> = new Map([
  ["ip4", isIpv4],
  ["ip6", isIpv6],
  ["dns", (host) => HOST_NAME.test(host)],
  ["dns4", (host) => HOST_NAME.test(host)],
  ["dns6", (host) => HOST_NAME.test(host)],
]);

/**
 * Checks the address of a DHT node, without loading libp2p: a host and a TCP
 * port (`/ip4|ip6|dns|dns4|dns6/HOST/tcp/PORT`) or a name that stands for
 * several (`/dnsaddr/NAME`), both with or without `/p2p/PEER_ID`. Other
 * transports and relays are refused: no node of this project speaks them.
 *
 * @param text as written by a user, a config file or a TXT record
 * @returns the text itself, or the part that is wrong
 */
export function checkMultiaddr(text: string): Result<string> {
  const wrong = (what: string) =>
    refuse(`${what}, expected the form ${EXAMPLE}`);
  if (text.length > MAX_LENGTH) return wrong("too long for a multiaddr");
  const [empty, protocol = "", host = "", ...rest] = text.split("/");
  if (empty !== "" || protocol === "") return wrong("not a multiaddr");
  if (protocol === "dnsaddr") {
    if (!HOST_NAME.test(host)) return wrong("/dnsaddr/ lacks a host name");
    return checkPeerId(rest) ? ok(text) : wrong("the end is not /p2p/PEER_ID");
  }
  const isHost = HOST_CHECKS.get(protocol);
  if (isHost === undefined) return wrong("not an ip4, ip6 or dns multiaddr");
  if (!isHost(host)) return wrong(`/${protocol}/ lacks a valid host`);
  const [tcp, port = "", ...end] = rest;
  if (tcp !== "tcp") return wrong("no /tcp/ after the host");
  if (!/^[1-9]\d{0,4}$/.test(port) || Number(port) > 65535) {
    return wrong("no port from 1 to 65535 after /tcp/");
  }
  return checkPeerId(end) ? ok(text) : wrong("the end is not /p2p/PEER_ID");
}

/** Whether a multiaddr leads to this machine itself, without asking the DNS. */
export function isLoopbackMultiaddr(text: string): boolean {
  const [, protocol = "", host = ""] = text.split("/");
  return protocol === "ip4"
    ? host.startsWith("127.")
    : host === (protocol === "ip6" ? "::1" : "localhost");
}

/** Whether what follows the transport is nothing, or one peer id. */
function checkPeerId(parts: readonly string[]): boolean {
  if (parts.length === 0) return true;
  return parts.length === 2 && parts[0] === "p2p" &&
    PEER_ID.test(parts[1] ?? "");
}

function isIpv4(host: string): boolean {
  const octets = host.split(".");
  return octets.length === 4 && octets.every((octet) => OCTET.test(octet));
}

function isIpv6(host: string): boolean {
  return /^[0-9a-f:.]+$/i.test(host) && host.includes(":") &&
    URL.canParse(`http://[${host}]/`);
}
