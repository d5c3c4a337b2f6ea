import { ok, refuse, type Result } from "../../core/result.ts";
import { DHCP_LAYOUT, type DhcpMessage, END, MAGIC_COOKIE } from "./message.ts";

/** As BOOTP had it (RFC 951): some firmware drops what is shorter. */
const MIN_BYTES = 300;
/**
 * RFC 2131 section 2: what every client takes is an IP packet of 576 bytes, 28
 * of which are the headers of IP and UDP. Some firmware takes no more, whatever
 * it says.
 */
const MAX_BYTES = 576 - 28;
const MAX_OPTION_BYTES = 255;

/**
 * Writes a packet of DHCP.
 *
 * @returns the reason when it would be longer than every client takes, or a
 * field is
 */
export function encodeDhcp(message: DhcpMessage): Result<Uint8Array> {
  const { serverName, bootFile, options } = message;
  if (serverName.length >= DHCP_LAYOUT.bootFile - DHCP_LAYOUT.serverName) {
    return refuse("server name too long");
  }
  if (bootFile.length >= DHCP_LAYOUT.cookie - DHCP_LAYOUT.bootFile) {
    return refuse("boot file name too long");
  }
  const end = [...options].flatMap(([code, data]) => option(code, data));
  const length = DHCP_LAYOUT.options + end.length + 1;
  if (length > MAX_BYTES) {
    return refuse(`${length} bytes, more than clients accept`);
  }
  const bytes = new Uint8Array(Math.max(MIN_BYTES, length));
  const view = new DataView(bytes.buffer);
  bytes.set([message.op, 1, message.hardwareAddress.length, message.hops]);
  view.setUint32(4, message.xid);
  view.setUint16(8, message.secs);
  view.setUint16(10, message.flags);
  bytes.set(message.ciaddr, 12);
  bytes.set(message.yiaddr, 16);
  bytes.set(message.siaddr, 20);
  bytes.set(message.giaddr, 24);
  bytes.set(message.hardwareAddress, DHCP_LAYOUT.hardwareAddress);
  bytes.set(serverName, DHCP_LAYOUT.serverName);
  bytes.set(bootFile, DHCP_LAYOUT.bootFile);
  bytes.set(MAGIC_COOKIE, DHCP_LAYOUT.cookie);
  bytes.set([...end, END], DHCP_LAYOUT.options);
  return ok(bytes);
}

/** An option, split if it is too long for one (RFC 3396 section 5). */
function option(code: number, data: Uint8Array): number[] {
  const bytes: number[] = [];
  let at = 0;
  do {
    const piece = data.subarray(at, at + MAX_OPTION_BYTES);
    bytes.push(code, piece.length, ...piece);
    at += MAX_OPTION_BYTES;
  } while (at < data.length);
  return bytes;
}
