import type { Result } from "../../core/result.ts";
import type { InterfaceAddress } from "../interfaces.ts";

/** Where servers of DHCP and their relays listen, RFC 2131 section 4.1. */
export const DHCP_SERVER_PORT = 67;
/** Where clients do. */
export const DHCP_CLIENT_PORT = 68;
/** Where clients ask a server that gives no addresses (PXE 2.1 section 2.2.1). */
export const PROXY_DHCP_PORT = 4011;
/** All hosts of a link. */
export const LIMITED_BROADCAST = "255.255.255.255";

/** An address of IPv4 with a UDP port. */
export interface UdpEndpoint {
  /** IPv4. */
  readonly address: string;
  /** UDP. */
  readonly port: number;
}

/** Why a socket could not be opened, or a packet not sent. */
export interface SocketTrouble {
  /**
   * `taken`: another program holds the port. `forbidden`: this one may
   * not have it. `gone`: the machine has no such address.
   */
  readonly kind: "taken" | "forbidden" | "gone" | "other";
  /** A clause fit for a log line. */
  readonly message: string;
}

/** A socket at one endpoint. */
export interface DhcpSocket extends AsyncDisposable {
  /** Sends a packet, to a broadcast address, too. */
  send(
    packet: Uint8Array,
    to: UdpEndpoint,
  ): Promise<Result<void, SocketTrouble>>;
}

/** The machine's network as DHCP uses it, passed in where needed. */
export interface DhcpNetwork {
  /** Every address of the machine at the moment. */
  addresses(): readonly InterfaceAddress[];
  /**
   * Opens a socket that other programs can have, too, where they ask for that.
   *
   * At the limited broadcast address it gets what is sent there on any link,
   * and nothing that is for another server of this machine. At an address of
   * the machine it gets the unicasts to the port, all of them: those of the
   * other server, too.
   */
  open(
    at: UdpEndpoint,
    onPacket: (packet: Uint8Array, from: UdpEndpoint) => void,
  ): Promise<Result<DhcpSocket, SocketTrouble>>;
}
