import { addressText } from "../ip_address.ts";
import { type DhcpMessage, DhcpOption } from "./message.ts";

/** A client that asks to boot, as its DHCP packet describes it. */
export interface BootClient {
  /** The MAC address: `52:54:00:12:34:56`. */
  readonly mac: string;
  /**
   * The UUID of the machine, 16 bytes as in SMBIOS; some clients leave it out.
   */
  readonly uuid?: Uint8Array;
  /** What understands the answer, option 60. */
  readonly vendorClass: "PXEClient" | "HTTPClient";
  /** Option 93, a number assigned by IANA. */
  readonly archType: number;
  /** Whether it is iPXE, which takes scripts. */
  readonly isIpxe: boolean;
  /** The relay in between, as text. */
  readonly relay?: string;
}

/**
 * Reads what a client says of booting.
 *
 * @param message a request
 * @returns undefined where it does not ask to boot, or by a relay that cannot be
 * one
 */
export function readBootClient(message: DhcpMessage): BootClient | undefined {
  const { hardwareAddress, giaddr, options } = message;
  const arch = options.get(DhcpOption.CLIENT_ARCH);
  // RFC 4578 section 2.1: a list of types of two bytes, the first of which is
  // what runs at the moment.
  if (message.op !== 1 || arch === undefined || arch.length < 2) {
    return undefined;
  }
  const isIpxe = saysIpxe(options);
  const vendorClass = vendorClassOf(options);
  if (vendorClass === undefined && !isIpxe) return undefined;
  const relay = giaddr.some((byte) => byte !== 0)
    ? addressText(giaddr)
    : undefined;
  if (relay !== undefined && !isHost(giaddr)) return undefined;
  const uuid = uuidOf(options.get(DhcpOption.CLIENT_UUID));
  return {
    mac: macText(hardwareAddress),
    ...uuid !== undefined && { uuid },
    vendorClass: vendorClass ?? "PXEClient",
    archType: new DataView(arch.buffer, arch.byteOffset).getUint16(0),
    isIpxe,
    ...relay !== undefined && { relay },
  };
}

type Options = DhcpMessage["options"];

function vendorClassOf(
  options: Options,
): BootClient["vendorClass"] | undefined {
  const text = textOf(options.get(DhcpOption.VENDOR_CLASS));
  return (["PXEClient", "HTTPClient"] as const)
    .find((name) => text.startsWith(name));
}

/** It sends the bare name, where RFC 3004 section 4 wants a length before it. */
function saysIpxe(options: Options): boolean {
  return options.has(DhcpOption.IPXE) ||
    /^.?iPXE$/s.test(textOf(options.get(DhcpOption.USER_CLASS)));
}

function textOf(data: Uint8Array | undefined): string {
  return data === undefined ? "" : String.fromCharCode(...data.subarray(0, 64));
}

/** Not loopback, a group, or everybody (RFC 1122 section 3.2.1.3). */
function isHost([first = 0]: Uint8Array): boolean {
  return first > 0 && first < 224 && first !== 127;
}

/** `52:54:00:12:34:56`. */
function macText(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}

/** RFC 4578 section 2.3: a zero, then the UUID of SMBIOS. */
function uuidOf(data: Uint8Array | undefined): Uint8Array | undefined {
  return data?.length === 17 && data[0] === 0 ? data.subarray(1) : undefined;
}
