import type { Result } from "../../core/result.ts";
import { addressBytes } from "../ip_address.ts";
import type { BootClient } from "./boot_client.ts";
import { encodeDhcp } from "./encode_message.ts";
import { type DhcpMessage, DhcpMessageType, DhcpOption } from "./message.ts";

/** What a client is offered to boot. */
export interface ProxyAnswer {
  /** `OFFER` to a DISCOVER, `ACK` to a REQUEST at port 4011. */
  readonly type: "OFFER" | "ACK";
  /** The IPv4 address of this host on the client's link. */
  readonly address: string;
  /** A name for TFTP, or a URL. */
  readonly bootFile: string;
  /** Whether the client has firmware of the BIOS kind. */
  readonly isBios: boolean;
}

/** The flag that asks for answers by broadcast. */
const BROADCAST = 0x8000;
const NOTHING = new Uint8Array(0);
const ZERO_ADDRESS = new Uint8Array(4);
/** What the field holds, with the zero that ends it. */
const BOOT_FILE_BYTES = 128;
/**
 * PXE 2.1 specification, section 2.2.3: sub-option 6, PXE_DISCOVERY_CONTROL,
 * with bit 3 set: boot the file that is named and ask for no boot server.
 */
const BOOT_WHAT_IS_NAMED = Uint8Array.of(6, 1, 8, 255);

/**
 * The packet that tells a client what to boot, and gives it no address: another
 * server does. Some firmware believes only in one where the sender, `siaddr`
 * and the server identifier are the same.
 *
 * @param request what the client sent
 * @returns the reason where it would be longer than clients take
 */
export function encodeProxyAnswer(
  request: DhcpMessage,
  { vendorClass }: Pick<BootClient, "vendorClass">,
  { type, address, bootFile, isBios }: ProxyAnswer,
): Result<Uint8Array> {
  const { xid, flags, ciaddr, giaddr, hardwareAddress, options } = request;
  const own = addressBytes(address) ?? ZERO_ADDRESS;
  const file = new TextEncoder().encode(bootFile);
  const fits = file.length < BOOT_FILE_BYTES;
  const uuid = options.get(DhcpOption.CLIENT_UUID);
  return encodeDhcp({
    op: 2,
    hops: 0,
    xid,
    secs: 0,
    // A relay has no address to send to (RFC 2131 section 4.1).
    flags: flags | BROADCAST,
    ciaddr,
    yiaddr: ZERO_ADDRESS,
    siaddr: own,
    giaddr,
    hardwareAddress,
    // Old ROMs take the address of the TFTP server from here.
    serverName: new TextEncoder().encode(address),
    bootFile: fits ? file : NOTHING,
    options: new Map([
      [DhcpOption.MESSAGE_TYPE, Uint8Array.of(DhcpMessageType[type])],
      [DhcpOption.SERVER_IDENTIFIER, own],
      [DhcpOption.VENDOR_CLASS, new TextEncoder().encode(vendorClass)],
      ...fits ? [] : [[DhcpOption.BOOT_FILE, file] as const],
      // UEFI would take it for a list of boot servers; without, it asks at
      // port 4011.
      ...isBios
        ? [[DhcpOption.VENDOR_SPECIFIC, BOOT_WHAT_IS_NAMED] as const]
        : [],
      // RFC 4578 section 2.3: it comes back.
      ...uuid?.length === 17 ? [[DhcpOption.CLIENT_UUID, uuid] as const] : [],
    ]),
  });
}
