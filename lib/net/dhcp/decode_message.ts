import { ok, refuse, type Result } from "../../core/result.ts";
import {
  DHCP_LAYOUT,
  type DhcpMessage,
  DhcpOption,
  END,
  MAGIC_COOKIE,
  PAD,
} from "./message.ts";

/** A client's packet need not be longer than a link can carry. */
const MAX_BYTES = 1500;
const ETHERNET = 1;
const ETHERNET_ADDRESS_BYTES = 6;

/**
 * Reads a packet of DHCP. What it gives shares no memory with the packet.
 *
 * @param packet as anybody sent it
 * @returns the reason when it is none, is malformed, or is not from Ethernet
 */
export function decodeDhcp(packet: Uint8Array): Result<DhcpMessage> {
  if (packet.length < DHCP_LAYOUT.options) return refuse("header cut short");
  if (packet.length > MAX_BYTES) return refuse("longer than a link carries");
  const [op, hardware, addressBytes] = packet;
  if (op !== 1 && op !== 2) return refuse("neither request nor reply");
  if (hardware !== ETHERNET || addressBytes !== ETHERNET_ADDRESS_BYTES) {
    return refuse("not from Ethernet");
  }
  // A copy: what is kept must not keep the socket's buffer alive, and `slice`
  // of a Node buffer copies nothing.
  const bytes = new Uint8Array(packet);
  const { cookie } = DHCP_LAYOUT;
  if (MAGIC_COOKIE.some((byte, i) => bytes[cookie + i] !== byte)) {
    return refuse("BOOTP without options");
  }
  const serverName = bytes.subarray(
    DHCP_LAYOUT.serverName,
    DHCP_LAYOUT.bootFile,
  );
  const bootFile = bytes.subarray(DHCP_LAYOUT.bootFile, cookie);
  const options = readAllOptions(bytes, { serverName, bootFile });
  if (!options.ok) return options;
  const overload = overloadOf(options.value);
  const view = new DataView(bytes.buffer);
  return ok({
    op,
    hops: view.getUint8(3),
    xid: view.getUint32(4),
    secs: view.getUint16(8),
    flags: view.getUint16(10),
    ciaddr: bytes.subarray(12, 16),
    yiaddr: bytes.subarray(16, 20),
    siaddr: bytes.subarray(20, 24),
    giaddr: bytes.subarray(24, 28),
    hardwareAddress: bytes.subarray(
      DHCP_LAYOUT.hardwareAddress,
      DHCP_LAYOUT.hardwareAddress + ETHERNET_ADDRESS_BYTES,
    ),
    serverName: (overload & 2) !== 0 ? NOTHING : untilZero(serverName),
    bootFile: (overload & 1) !== 0 ? NOTHING : untilZero(bootFile),
    options: options.value,
  });
}

const NOTHING = new Uint8Array(0);

/**
 * The options of all fields that hold some: RFC 2131 section 4.1, and RFC 3396
 * section 5 for the order in which the pieces of one are put together.
 */
function readAllOptions(
  bytes: Uint8Array,
  { serverName, bootFile }: {
    readonly serverName: Uint8Array;
    readonly bootFile: Uint8Array;
  },
): Result<ReadonlyMap<number, Uint8Array>> {
  const pieces: Piece[] = [];
  const main = readOptions(bytes.subarray(DHCP_LAYOUT.options), pieces);
  if (main !== undefined) return refuse(main);
  const overload = overloadOf(joined(pieces));
  for (
    const [bit, field] of [[1, bootFile], [2, serverName]] as const
  ) {
    if ((overload & bit) === 0) continue;
    const problem = readOptions(field, pieces);
    if (problem !== undefined) return refuse(problem);
  }
  return ok(joined(pieces));
}

type Piece = readonly [code: number, data: Uint8Array];

/** @returns what is wrong, undefined when all could be read */
function readOptions(field: Uint8Array, pieces: Piece[]): string | undefined {
  let at = 0;
  while (at < field.length) {
    const code = field[at++] ?? END;
    if (code === PAD) continue;
    // Many clients leave out the end.
    if (code === END) return undefined;
    const length = field[at++];
    if (length === undefined || at + length > field.length) {
      return `option ${code} cut short`;
    }
    pieces.push([code, field.subarray(at, at + length)]);
    at += length;
  }
  return undefined;
}

function joined(pieces: readonly Piece[]): ReadonlyMap<number, Uint8Array> {
  const byCode = Map.groupBy(pieces, ([code]) => code);
  return new Map([...byCode].map(([code, ofCode]) => {
    const [[, first = NOTHING] = []] = ofCode;
    return [
      code,
      ofCode.length === 1
        ? first
        : Uint8Array.from(ofCode.flatMap(([, data]) => [...data])),
    ];
  }));
}

function overloadOf(options: ReadonlyMap<number, Uint8Array>): number {
  return options.get(DhcpOption.OVERLOAD)?.[0] ?? 0;
}

function untilZero(field: Uint8Array): Uint8Array {
  const end = field.indexOf(0);
  return end < 0 ? field : field.subarray(0, end);
}
