import { ok, refuse, type Result } from "../core/result.ts";

const EXAMPLE = "such as /ip4/192.0.2.1/tcp/4001/p2p/12D3KooW...";

/** Base58btc (`12D3KooW...`, `Qm...`) or a CID in base36 or base32. */
const PEER_ID = /^([1-9A-HJ-NP-Za-km-z]{46,64}|[kb][0-9a-z]{50,64})$/;

const HOST_NAME = /^[0-9A-Za-z_]([0-9A-Za-z_-]*)(\.[0-9A-Za-z_-]+)*\.?$/;

/**
 * Checks the shape of a multiaddr that a DHT node can be dialled by: a host
 * (`ip4`, `ip6`, `dns`, `dns4`, `dns6`), `/tcp/` with a port, and at the end,
 * optionally, `/p2p/` with the peer id; or `/dnsaddr/` with a name. Light, so
 * that a mistyped flag is refused before libp2p is loaded; libp2p checks the
 * rest when it dials.
 */
export function parseMultiaddr(text: string): Result<string> {
  const [start, kind = "", host = "", ...rest] = text.split("/");
  if (start !== "" || host === "") {
    return refuse(`not a multiaddr, ${EXAMPLE}`);
  }
  const peer = rest.at(-2) === "p2p" ? rest.splice(-2)[1] : undefined;
  if (peer !== undefined && !PEER_ID.test(peer)) {
    return refuse("its part after /p2p/ is not a peer id");
  }
  if (!isHost(kind, host)) {
    return refuse(`does not begin with a host, ${EXAMPLE}`);
  }
  if (kind === "dnsaddr" && rest.length === 0) return ok(text);
  const [transport, port = ""] = rest;
  if (transport !== "tcp" || rest.length !== 2) {
    return refuse(`only TCP can be dialled, ${EXAMPLE}`);
  }
  return /^\d{1,5}$/.test(port) && Number(port) >= 1 && Number(port) <= 65535
    ? ok(text)
    : refuse("its port is not a whole number from 1 to 65535");
}

function isHost(kind: string, host: string): boolean {
  switch (kind) {
    case "ip4":
      return /^\d{1,3}(\.\d{1,3}){3}$/.test(host) &&
        host.split(".").every((octet) => Number(octet) <= 255);
    case "ip6":
      return URL.canParse(`http://[${host}]/`);
    case "dns":
    case "dns4":
    case "dns6":
    case "dnsaddr":
      return host.length <= 253 && HOST_NAME.test(host);
    default:
      return false;
  }
}
