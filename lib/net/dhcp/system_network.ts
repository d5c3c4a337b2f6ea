import dgram, { type Socket } from "node:dgram";
import { errorCode } from "../../core/error_code.ts";
import { messageOf } from "../../core/printable.ts";
import { ok, refuse, type Result } from "../../core/result.ts";
import { systemAddresses } from "../interfaces.ts";
import { bindSocket, closeSocket } from "../udp_socket.ts";
import type {
  DhcpNetwork,
  DhcpSocket,
  SocketTrouble,
  UdpEndpoint,
} from "./network.ts";

/** The machine's own network, on `node:dgram`. */
export const systemDhcpNetwork: DhcpNetwork = {
  addresses: systemAddresses,
  async open({ address, port }, onPacket) {
    const socket = dgram.createSocket({ type: "udp4", reuseAddr: true });
    try {
      await bindSocket(socket, port, address);
      socket.setBroadcast(true);
    } catch (error) {
      closeSocket(socket);
      return refuse(socketTrouble(error));
    }
    // Trouble with one packet shows where that packet was sent.
    socket.on("error", () => {});
    socket.on("message", (packet, from) => onPacket(packet, from));
    return ok(new SystemDhcpSocket(socket));
  },
};

class SystemDhcpSocket implements DhcpSocket {
  readonly #socket: Socket;
  #isClosed = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  send(
    packet: Uint8Array,
    { address, port }: UdpEndpoint,
  ): Promise<Result<void, SocketTrouble>> {
    // Deno would neither throw nor call back.
    if (this.#isClosed) {
      return Promise.resolve(
        refuse({ kind: "gone", message: "socket is closed" }),
      );
    }
    return new Promise((resolve) => {
      try {
        this.#socket.send(packet, port, address, (error) => {
          resolve(
            error === null ? ok(undefined) : refuse(socketTrouble(error)),
          );
        });
      } catch (error) {
        resolve(refuse(socketTrouble(error)));
      }
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isClosed) closeSocket(this.#socket);
    this.#isClosed = true;
    return Promise.resolve();
  }
}

function socketTrouble(error: unknown): SocketTrouble {
  switch (errorCode(error)) {
    case "EADDRINUSE":
      return {
        kind: "taken",
        message: "another program holds the port",
      };
    case "EACCES":
    case "EPERM":
      return { kind: "forbidden", message: "not permitted" };
    case "EADDRNOTAVAIL":
      return { kind: "gone", message: "address is gone" };
    default:
      return { kind: "other", message: messageOf(error) };
  }
}
