/** What machines send when they want to boot. */
import assert from "node:assert/strict";
import { decodeDhcp } from "../../lib/net/dhcp/decode_message.ts";
import { encodeDhcp } from "../../lib/net/dhcp/encode_message.ts";
import {
  type DhcpMessage,
  DhcpMessageType,
  DhcpOption,
} from "../../lib/net/dhcp/message.ts";
import { addressBytes } from "../../lib/net/ip_address.ts";

/** How a request differs from that of UEFI over PXE, on x86_64. */
export interface RequestOptions {
  readonly type?: keyof typeof DhcpMessageType;
  readonly mac?: string;
  readonly archType?: number;
  readonly vendorClass?: string;
  readonly userClass?: string;
  /** Whether it has option 175. */
  readonly isIpxe?: boolean;
  /** 16 bytes as SMBIOS has them. */
  readonly uuid?: Uint8Array;
  /** The relay's address. */
  readonly relay?: string;
  readonly xid?: number;
  /** Further ones, or other values. */
  readonly options?: readonly (readonly [number, Uint8Array])[];
  /** Those that it leaves out. */
  readonly without?: readonly number[];
}

/** The MAC address of the machine that asks, unless said otherwise. */
export const MAC = "52:54:00:12:34:56";

const ZERO = new Uint8Array(4);

/** A request as a message. */
export function bootRequest(options: RequestOptions = {}): DhcpMessage {
  const {
    type = "DISCOVER",
    mac = MAC,
    archType = 7,
    vendorClass = `PXEClient:Arch:${
      String(archType).padStart(5, "0")
    }:UNDI:003016`,
    userClass,
    isIpxe = false,
    uuid,
    relay,
    xid = 0x12345678,
    without = [],
  } = options;
  const text = (value: string) => new TextEncoder().encode(value);
  const given = new Map<number, Uint8Array>([
    [DhcpOption.MESSAGE_TYPE, Uint8Array.of(DhcpMessageType[type])],
    [DhcpOption.CLIENT_ARCH, Uint8Array.of(archType >> 8, archType & 255)],
    [DhcpOption.VENDOR_CLASS, text(vendorClass)],
    ...userClass !== undefined
      ? [[DhcpOption.USER_CLASS, text(userClass)] as const]
      : [],
    ...isIpxe ? [[DhcpOption.IPXE, Uint8Array.of(19, 1, 1)] as const] : [],
    ...uuid !== undefined
      ? [[DhcpOption.CLIENT_UUID, Uint8Array.of(0, ...uuid)] as const]
      : [],
    ...options.options ?? [],
  ]);
  for (const code of without) given.delete(code);
  return {
    op: 1,
    hops: 0,
    xid,
    secs: 0,
    flags: 0x8000,
    ciaddr: ZERO,
    yiaddr: ZERO,
    siaddr: ZERO,
    giaddr: relay === undefined ? ZERO : addressBytes(relay) ?? ZERO,
    hardwareAddress: Uint8Array.from(
      mac.split(":"),
      (hex) => parseInt(hex, 16),
    ),
    serverName: new Uint8Array(0),
    bootFile: new Uint8Array(0),
    options: given,
  };
}

/** The same as bytes. */
export function bootPacket(options: RequestOptions = {}): Uint8Array {
  const encoded = encodeDhcp(bootRequest(options));
  assert.ok(encoded.ok);
  return encoded.value;
}

/** An answer, read. */
export interface ReadAnswer {
  readonly type: string | undefined;
  readonly xid: number;
  readonly mac: string;
  /** Where to boot from, `siaddr`. */
  readonly server: string;
  /** Option 54. */
  readonly identifier: string;
  readonly file: string;
  readonly vendorClass: string;
  readonly message: DhcpMessage;
}

/** Reads what a server sent. */
export function readAnswer(packet: Uint8Array): ReadAnswer {
  const decoded = decodeDhcp(packet);
  assert.ok(decoded.ok, decoded.ok ? "" : decoded.reason);
  const message = decoded.value;
  const { options, hardwareAddress, siaddr, bootFile, xid } = message;
  const text = (bytes?: Uint8Array) => new TextDecoder().decode(bytes);
  const type = options.get(DhcpOption.MESSAGE_TYPE)?.[0];
  return {
    type: Object.entries(DhcpMessageType).find(([, of]) => of === type)?.[0],
    xid,
    mac: [...hardwareAddress].map((byte) => byte.toString(16).padStart(2, "0"))
      .join(":"),
    server: siaddr.join("."),
    identifier: options.get(DhcpOption.SERVER_IDENTIFIER)?.join(".") ?? "",
    file: text(bootFile) || text(options.get(DhcpOption.BOOT_FILE)),
    vendorClass: text(options.get(DhcpOption.VENDOR_CLASS)),
    message,
  };
}
