import { type Clock, untilAbort } from "../core/clock.ts";
import type { Result } from "../core/result.ts";
import {
  DHCP_SERVER_PORT,
  type DhcpNetwork,
  LIMITED_BROADCAST,
  type SocketTrouble,
  type UdpEndpoint,
} from "../net/dhcp/network.ts";

/**
 * Packets queued per link; firmware repeats a request whose answer is dropped.
 */
const MAX_WAITING = 2000;
/** How long what comes after a batch waits for others: a fiftieth of it is used. */
const GATHER_MS = 50;

/** Sends one packet. */
export type SendPacket = (
  packet: Uint8Array,
  to: UdpEndpoint,
) => Promise<Result<void, SocketTrouble>>;

/** What a sender needs. */
export interface OfferSenderOptions {
  /** Where sockets are opened. */
  readonly network: DhcpNetwork;
  /** The address of this host on the link: clients accept no other. */
  readonly address: string;
  /** Stands in where another program has the port of this address for itself. */
  readonly byDefaultRoute: SendPacket;
  /** Told what became of each batch: undefined, or why it could not be sent. */
  readonly onSent: (trouble: SocketTrouble | undefined) => void;
  /** Times the batches. */
  readonly clock: Clock;
}

/**
 * Sends offers by one link, from the server's port, since firmware takes them
 * from nowhere else.
 *
 * The socket is open for as long as it takes to send what waits, about a
 * millisecond: while it is, it takes the unicasts to that port, and those are
 * the renewals of leases where this host has a DHCP server.
 */
export class OfferSender implements AsyncDisposable {
  readonly #options: OfferSenderOptions;
  readonly #closing = new AbortController();
  #waiting: (readonly [packet: Uint8Array, to: UdpEndpoint])[] = [];
  #sending: Promise<void> | undefined;

  constructor(options: OfferSenderOptions) {
    this.#options = options;
  }

  /** Sends a packet soon. */
  send(packet: Uint8Array, to: UdpEndpoint): void {
    if (this.#closing.signal.aborted) return;
    if (this.#waiting.length >= MAX_WAITING) return;
    this.#waiting.push([packet, to]);
    this.#sending ??= this.#sendAll().finally(() => this.#sending = undefined);
  }

  /** Drops what waits. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    this.#waiting = [];
    await this.#sending;
  }

  async #sendAll(): Promise<void> {
    const { clock, onSent } = this.#options;
    // What came in the same turn of the event loop goes by the same socket.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      onSent(await this.#sendBatch(this.#waiting.splice(0)));
      await untilAbort(clock, GATHER_MS, [this.#closing.signal]);
    }
  }

  async #sendBatch(
    batch: readonly (readonly [packet: Uint8Array, to: UdpEndpoint])[],
  ): Promise<SocketTrouble | undefined> {
    const { network, address, byDefaultRoute } = this.#options;
    const opened = await network.open(
      { address, port: DHCP_SERVER_PORT },
      () => {},
    );
    await using socket = opened.ok ? opened.value : undefined;
    if (!opened.ok && opened.reason.kind !== "taken") return opened.reason;
    const sent = await Promise.all(
      batch.map(([packet, to]) =>
        socket === undefined
          ? byDefaultRoute(packet, to)
          : socket.send(packet, to)
      ),
    );
    // Whether a relay can be reached is not a matter of this link.
    const failed = sent.find((one, i) =>
      !one.ok && batch[i]?.[1].address === LIMITED_BROADCAST
    );
    return failed?.ok === false ? failed.reason : undefined;
  }
}
