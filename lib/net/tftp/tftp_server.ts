import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import type { Clock } from "../../core/clock.ts";
import type { Logger } from "../../core/log.ts";
import { messageOf } from "../../core/printable.ts";
import { bindSocket, closeSocket } from "../udp_socket.ts";
import {
  decodePacket,
  encodeError,
  TFTP_PORT,
  TftpError,
  type TftpPacket,
} from "./packet.ts";
import { Transfer, transferTerms } from "./transfer.ts";

/** The request of a client. */
export interface TftpRequest {
  /** As the client wrote it, without slashes at the beginning. */
  readonly name: string;
  /** Its IP address. */
  readonly client: string;
  /** The address of ours that it asked. */
  readonly local: string;
}

/** What a server needs. */
export interface TftpServerOptions {
  /** Our IPv4 addresses to answer at: of links, not `0.0.0.0`. */
  readonly addresses: readonly string[];
  /**
   * The port for requests.
   *
   * @default 69
   */
  readonly port?: number;
  /** The content of a file; undefined: there is none. */
  readonly read: (request: TftpRequest) => Promise<Uint8Array | undefined>;
  /** Called when a file has been taken whole. */
  readonly onSent?: (request: TftpRequest) => void;
  /** For retransmissions. */
  readonly clock: Clock;
  /** Where problems are logged. */
  readonly logger: Logger;
}

/** A server, until it is disposed of. */
export interface TftpServer extends AsyncDisposable {
  /** Where it answers. */
  readonly addresses: readonly string[];
  /** Transfers under way. */
  readonly transferCount: number;
  /**
   * Listens on other addresses, as links come and go; transfers under way go
   * on.
   *
   * @throws the system's error where a port cannot be had; all others are open
   */
  listenOn(addresses: readonly string[]): Promise<void>;
}

/**
 * Transfers at once, each with a socket: more than a rack that is switched on.
 */
const MAX_TRANSFERS = 256;
/**
 * Transfers at once to one address: one in use, and some that were given up.
 */
const MAX_OF_CLIENT = 8;

/**
 * Opens a server of files for reading (RFC 1350, 2347, 2348, 2349, 7440). Each
 * transfer has a socket of its own at the address that was asked, since its
 * packets must come from there. Writing is refused, as is every mode but
 * `octet`.
 *
 * @throws the system's error where a port cannot be had, such as EACCES
 */
export async function openTftpServer(
  options: TftpServerOptions,
  { signal }: { readonly signal: AbortSignal },
): Promise<TftpServer> {
  signal.throwIfAborted();
  const server = new Server(options);
  try {
    await server.listenOn(options.addresses);
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
  return server;
}

class Server implements TftpServer {
  readonly #options: TftpServerOptions;
  readonly #listeners = new Map<string, Socket>();
  /** By the client's address and port. */
  readonly #transfers = new Map<string, { client: string; end(): void }>();

  constructor(options: TftpServerOptions) {
    this.#options = options;
  }

  get addresses(): readonly string[] {
    return [...this.#listeners.keys()];
  }

  get transferCount(): number {
    return this.#transfers.size;
  }

  async listenOn(addresses: readonly string[]): Promise<void> {
    for (const [address, socket] of this.#listeners) {
      if (addresses.includes(address)) continue;
      this.#listeners.delete(address);
      closeSocket(socket);
    }
    const errors: unknown[] = [];
    for (const address of addresses) {
      if (this.#listeners.has(address)) continue;
      try {
        await this.#listen(address);
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }

  async #listen(address: string): Promise<void> {
    const socket = await bound(address, this.#options.port ?? TFTP_PORT);
    this.#listeners.set(address, socket);
    socket.on("message", (bytes, from) => {
      void this.#receive(socket, address, bytes, from);
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#listeners.values()) closeSocket(socket);
    this.#listeners.clear();
    for (const transfer of this.#transfers.values()) transfer.end();
    return Promise.resolve();
  }

  async #receive(
    socket: Socket,
    local: string,
    bytes: Uint8Array,
    from: RemoteInfo,
  ): Promise<void> {
    const packet = decodePacket(bytes);
    // What is no packet is not answered: it is not from a client.
    if (!packet.ok) return;
    const refusal = refusalOf(packet.value);
    if (refusal !== undefined) return send(socket, refusal, from);
    if (packet.value.kind !== "read") return;
    const { name, options } = packet.value;
    const { address: client, port } = from;
    const key = `${client} ${port}`;
    // A request that was sent again is answered by the transfer under way.
    if (this.#transfers.has(key) || this.#isFull(client)) return;
    const request = { name: name.replace(/^\/+/, ""), client, local };
    const place = { client, end: () => void this.#transfers.delete(key) };
    this.#transfers.set(key, place);
    try {
      const content = await this.#options.read(request);
      if (this.#transfers.get(key) !== place) return;
      if (content === undefined) {
        const { notFound } = TftpError;
        send(socket, encodeError(notFound, "File not found"), from);
      } else await this.#transfer(request, { content, options, from, key });
    } catch (error) {
      const { logger } = this.#options;
      logger.warn(`Cannot send "${name}" to ${client}: ${messageOf(error)}`);
      send(socket, encodeError(TftpError.notDefined, "Cannot be sent"), from);
    } finally {
      this.#transfers.delete(key);
    }
  }

  #isFull(client: string): boolean {
    if (this.#transfers.size >= MAX_TRANSFERS) return true;
    const ofClient = [...this.#transfers.values()]
      .filter((transfer) => transfer.client === client);
    return ofClient.length >= MAX_OF_CLIENT;
  }

  /** Sends a file; waits for its end, whichever that is. */
  async #transfer(
    request: TftpRequest,
    { content, options, from, key }: {
      readonly content: Uint8Array;
      readonly options: ReadonlyMap<string, string>;
      readonly from: RemoteInfo;
      readonly key: string;
    },
  ): Promise<void> {
    const { clock, logger, onSent } = this.#options;
    const socket = await bound(request.local, 0);
    const terms = transferTerms(options, content.length);
    const transfer = new Transfer(content, terms);
    const ended = Promise.withResolvers<void>();
    this.#transfers.set(key, { client: request.client, end: ended.resolve });
    let cancel = () => {};
    const act = (packets: readonly Uint8Array[]) => {
      for (const packet of packets) send(socket, packet, from);
      cancel();
      if (transfer.state !== "running") return ended.resolve();
      const delayMs = Math.max(0, transfer.dueMs - clock.monotonic());
      cancel = clock.setTimer(
        () => act(transfer.tick(clock.monotonic())),
        delayMs,
      );
    };
    socket.on("message", (bytes, sender) => {
      if (sender.address === from.address && sender.port === from.port) {
        act(transfer.receive(bytes, clock.monotonic()));
      } else {
        const { unknownTransfer } = TftpError;
        send(socket, encodeError(unknownTransfer, "Unknown transfer"), sender);
      }
    });
    try {
      act(transfer.start(clock.monotonic()));
      await ended.promise;
    } finally {
      cancel();
      closeSocket(socket);
    }
    if (transfer.state === "sent") onSent?.(request);
    else if (transfer.state === "lost") {
      logger.debug(
        `TFTP: ${request.client} stopped acknowledging "${request.name}"`,
      );
    }
  }
}

/** The error to answer a packet at the port for requests with, if any. */
function refusalOf(packet: TftpPacket): Uint8Array | undefined {
  switch (packet.kind) {
    case "read":
      return packet.mode === "octet" ? undefined : encodeError(
        TftpError.illegalOperation,
        "Only octet mode is supported",
      );
    case "write":
      return encodeError(TftpError.accessViolation, "Writing is not supported");
    case "acknowledgement":
    case "other":
      return encodeError(TftpError.unknownTransfer, "Unknown transfer");
    case "error":
      // An error is never answered (RFC 1350, section 2).
      return undefined;
  }
}

async function bound(address: string, port: number): Promise<Socket> {
  const socket = createSocket("udp4");
  await bindSocket(socket, port, address);
  // For example because the client is gone: its transfer ends by its timeout.
  socket.on("error", () => {});
  return socket;
}

function send(socket: Socket, packet: Uint8Array, to: RemoteInfo): void {
  try {
    socket.send(packet, to.port, to.address, () => {});
  } catch {
    // As if it was lost on its way.
  }
}
