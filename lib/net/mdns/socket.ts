import type { Result } from "../../core/result.ts";
import type { InterfaceAddress, Link } from "../interfaces.ts";

/** The port of multicast DNS, RFC 6762 section 3. */
export const MDNS_PORT = 5353;

/** Where a packet comes from or goes to. */
export interface Endpoint {
  /** IPv4 or IPv6, perhaps with a zone. */
  readonly address: string;
  /** UDP. */
  readonly port: number;
}

/**
 * `group`: port 5353, gets what is multicast on the link, and no unicast, so
 * that another responder of the machine keeps its own. `ephemeral`: a free
 * port, gets the unicast answers to what it asked (RFC 6762 section 5.1).
 */
export type MdnsSocketKind = "group" | "ephemeral";

/** A socket on one link. */
export interface MdnsSocket extends AsyncDisposable {
  /** Sends to everybody on the link. */
  multicast(packet: Uint8Array): Promise<Result<void>>;
  /** Sends to one host. */
  send(packet: Uint8Array, to: Endpoint): Promise<Result<void>>;
  /**
   * Whether it still gets what is multicast: a deleted interface takes the
   * membership along, even when it comes back under the same name.
   */
  isAlive(): boolean;
}

/** Receives a packet that came over the link; must not throw. */
export type OnPacket = (packet: Uint8Array, from: Endpoint) => void;

/** The machine's network as multicast DNS uses it, passed in where needed. */
export interface MdnsNetwork {
  /** Every address of the machine at the moment. */
  addresses(): readonly InterfaceAddress[];
  /**
   * Opens a socket on a link.
   *
   * @returns the reason when that is impossible, a clause fit for a log line
   */
  open(
    link: Link,
    kind: MdnsSocketKind,
    onPacket: OnPacket,
  ): Promise<Result<MdnsSocket>>;
}

/** The reason when another program holds port 5353 exclusively. */
export const ADDRESS_IN_USE = "address in use by another program";
