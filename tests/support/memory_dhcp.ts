import { ok, refuse, type Result } from "../../lib/core/result.ts";
import {
  type DhcpNetwork,
  type DhcpSocket,
  LIMITED_BROADCAST,
  type SocketTrouble,
  type UdpEndpoint,
} from "../../lib/net/dhcp/network.ts";
import type { InterfaceAddress } from "../../lib/net/interfaces.ts";

/** A packet that was sent. */
export interface SentPacket {
  readonly packet: Uint8Array;
  readonly from: UdpEndpoint;
  readonly to: UdpEndpoint;
}

interface OpenSocket {
  readonly at: UdpEndpoint;
  readonly onPacket: (packet: Uint8Array, from: UdpEndpoint) => void;
}

/** A machine's network that the test is at the other end of. */
export class MemoryDhcpNetwork implements DhcpNetwork {
  /** What was sent, in order. */
  readonly sent: SentPacket[] = [];
  /** How many sockets were opened at each endpoint. */
  readonly opened = new Map<string, number>();
  /** Why a socket cannot be had, by endpoint: `10.0.0.1:67`. */
  readonly refusals = new Map<string, SocketTrouble>();
  interfaces: InterfaceAddress[] = [];
  readonly #sockets = new Set<OpenSocket>();

  addresses(): readonly InterfaceAddress[] {
    return this.interfaces;
  }

  open(
    at: UdpEndpoint,
    onPacket: OpenSocket["onPacket"],
  ): Promise<Result<DhcpSocket, SocketTrouble>> {
    const refusal = this.refusals.get(endpointText(at));
    if (refusal !== undefined) return Promise.resolve(refuse(refusal));
    const socket = { at, onPacket };
    this.#sockets.add(socket);
    const text = endpointText(at);
    this.opened.set(text, (this.opened.get(text) ?? 0) + 1);
    return Promise.resolve(ok({
      send: (packet, to) => {
        this.sent.push({ packet, from: at, to });
        return Promise.resolve(ok(undefined));
      },
      [Symbol.asyncDispose]: () => {
        this.#sockets.delete(socket);
        return Promise.resolve();
      },
    }));
  }

  /** The endpoints of the sockets that are open now. */
  get openEndpoints(): string[] {
    return [...this.#sockets].map(({ at }) => endpointText(at)).sort();
  }

  /** A client on some link broadcasts. */
  broadcast(packet: Uint8Array): void {
    this.deliver(packet, { address: LIMITED_BROADCAST, port: 67 });
  }

  /** A packet comes for an endpoint. */
  deliver(
    packet: Uint8Array,
    to: UdpEndpoint,
    from: UdpEndpoint = { address: "0.0.0.0", port: 68 },
  ): void {
    for (const { at, onPacket } of this.#sockets) {
      if (endpointText(at) === endpointText(to)) onPacket(packet, from);
    }
  }
}

/** `10.0.0.1:67` */
export function endpointText({ address, port }: UdpEndpoint): string {
  return `${address}:${port}`;
}
