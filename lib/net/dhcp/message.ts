/** Codes of options that are of interest when a machine boots. */
export const DhcpOption = {
  /** RFC 2132 section 8.4: encapsulated, for PXE (its 2.1 specification). */
  VENDOR_SPECIFIC: 43,
  /** RFC 2132 section 9.3: `file` and `sname` hold options, too. */
  OVERLOAD: 52,
  /** RFC 2132 section 9.6. */
  MESSAGE_TYPE: 53,
  /** RFC 2132 section 9.7. */
  SERVER_IDENTIFIER: 54,
  /** RFC 2132 section 9.13. */
  VENDOR_CLASS: 60,
  /** RFC 2132 section 9.5: where `file` is too short. */
  BOOT_FILE: 67,
  /** RFC 3004. */
  USER_CLASS: 77,
  /** RFC 4578 section 2.1. */
  CLIENT_ARCH: 93,
  /** RFC 4578 section 2.3. */
  CLIENT_UUID: 97,
  /** iPXE's own, which encapsulates further options. */
  IPXE: 175,
} as const;

/** Values of option 53, RFC 2132 section 9.6, as far as we meet them. */
export const DhcpMessageType = {
  DISCOVER: 1,
  OFFER: 2,
  REQUEST: 3,
  ACK: 5,
} as const;

/** A packet, RFC 2131 section 2. Addresses are 4 bytes. */
export interface DhcpMessage {
  /** 1 asks, 2 answers. */
  readonly op: 1 | 2;
  /** How often a relay has passed it on. */
  readonly hops: number;
  /** Drawn by the client for each exchange. */
  readonly xid: number;
  /** Seconds since the client began. */
  readonly secs: number;
  /** The top bit asks for a broadcast answer. */
  readonly flags: number;
  /** The client's own address; zero: it has none. */
  readonly ciaddr: Uint8Array;
  /** The address that a server assigns; zero for none. */
  readonly yiaddr: Uint8Array;
  /** Where the client is to boot from. */
  readonly siaddr: Uint8Array;
  /** The relay; zero: the client is on the link. */
  readonly giaddr: Uint8Array;
  /** The client's MAC address, 6 bytes: only Ethernet boots. */
  readonly hardwareAddress: Uint8Array;
  /** The name of the server, without its padding. */
  readonly serverName: Uint8Array;
  /** What to boot, without its padding. */
  readonly bootFile: Uint8Array;
  /** By code; an option that came in pieces is joined (RFC 3396). */
  readonly options: ReadonlyMap<number, Uint8Array>;
}

/** Offsets within a packet, RFC 2131 section 2. */
export const DHCP_LAYOUT = {
  hardwareAddress: 28,
  serverName: 44,
  bootFile: 108,
  cookie: 236,
  options: 240,
} as const;

/** RFC 2131 section 3: the options follow these bytes. */
export const MAGIC_COOKIE = [99, 130, 83, 99] as const;

/** Codes that have no length and no data, RFC 2132 section 3. */
export const PAD = 0;
/** The same: nothing follows. */
export const END = 255;
