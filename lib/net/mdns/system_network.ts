import dgram, { type Socket } from "node:dgram";
import { type Clock, systemClock } from "../../core/clock.ts";
import { errorCode } from "../../core/error_code.ts";
import { messageOf } from "../../core/printable.ts";
import { ok, refuse, type Result } from "../../core/result.ts";
import { type Link, systemAddresses } from "../interfaces.ts";
import { addressBytes, isLinkLocal6 } from "../ip_address.ts";
import { bindSocket, closeSocket } from "../udp_socket.ts";
import { GroupDispatch } from "./group_dispatch.ts";
import {
  ADDRESS_IN_USE,
  type Endpoint,
  MDNS_PORT,
  type MdnsNetwork,
  type MdnsSocket,
  type MdnsSocketKind,
  type OnPacket,
} from "./socket.ts";

/** On which interfaces multicast DNS is spoken, and with what. */
export interface MdnsOptions {
  /** Interface names or addresses; none for the usual ones. */
  readonly interfaces: readonly string[];
  /** Times everything. @default {systemClock} */
  readonly clock?: Clock;
  /** Where the sockets are opened. @default {systemMdnsNetwork} */
  readonly network?: MdnsNetwork;
  /** 0 to below 1. @default {Math.random} */
  readonly random?: () => number;
}

/** The options with this machine's means where none were given. */
export function withSystemDefaults(
  options: MdnsOptions,
): Required<MdnsOptions> {
  return {
    clock: systemClock,
    network: systemMdnsNetwork,
    random: Math.random,
    ...options,
  };
}

const GROUP = { 4: "224.0.0.251", 6: "ff02::fb" } as const;

/** RFC 6762 section 11: answers should be sent with the highest hop limit. */
const HOP_LIMIT = 255;

/**
 * The machine's own network, on `node:dgram`.
 *
 * npm:multicast-dns is not underneath: its packet layer hides the QU bit,
 * writes over-long labels and strings wrongly, compresses no names and cannot
 * say how long a packet gets, its socket layer sends on the default route
 * only, and its CommonJS modules keep a bundled phase_discover's first query
 * 22 ms (process start to query sent, p50 of 25: an empty program 31 ms, a bare
 * socket of node:dgram 51 ms, multicast-dns on that socket 73 ms). The tests
 * use it as the stranger to talk to.
 */
export const systemMdnsNetwork: MdnsNetwork = {
  addresses() {
    const addresses = systemAddresses();
    group4.dispatch.setAddresses(addresses);
    return addresses;
  },
  async open(link, kind, onPacket) {
    try {
      const isShared = kind === "group" && link.family === 4;
      return ok(
        isShared
          ? await group4.open(link, onPacket)
          : await openSocket(link, kind, onPacket),
      );
    } catch (error) {
      return refuse(socketTrouble(error));
    }
  },
};

async function openSocket(
  link: Link,
  kind: MdnsSocketKind,
  onPacket: OnPacket,
): Promise<MdnsSocket> {
  const socket = createSocket(link.family, kind);
  try {
    await bindSocket(socket, ...bindTarget(link, kind));
    socket.setMulticastInterface(multicastInterface(link));
    sendFar(socket);
    if (kind === "group") join(socket, link);
  } catch (error) {
    closeSocket(socket);
    throw error;
  }
  socket.on("message", (packet, from) => onPacket(packet, from));
  return new SystemMdnsSocket(socket, link, kind);
}

function createSocket(family: 4 | 6, kind: MdnsSocketKind): Socket {
  const socket = dgram.createSocket({
    type: family === 4 ? "udp4" : "udp6",
    // Other responders share port 5353 in the same way.
    reuseAddr: kind === "group",
    ipv6Only: family === 6,
    // Every address here is one already. Without this Deno loads its resolver
    // and with it node:process, which keeps a client's first query 13 ms.
    lookup: (address, _options, callback) => callback(null, address, family),
  });
  // Trouble with one packet shows where that packet was sent.
  socket.on("error", () => {});
  return socket;
}

/** Sets the TTL and the loopback of a bound socket. */
function sendFar(socket: Socket): void {
  socket.setTTL(HOP_LIMIT);
  socket.setMulticastTTL(HOP_LIMIT);
  socket.setMulticastLoopback(true);
}

class SystemMdnsSocket implements MdnsSocket {
  readonly #socket: Socket;
  readonly #link: Link;
  readonly #kind: MdnsSocketKind;
  #isClosed = false;

  constructor(socket: Socket, link: Link, kind: MdnsSocketKind) {
    this.#socket = socket;
    this.#link = link;
    this.#kind = kind;
  }

  multicast(packet: Uint8Array): Promise<Result<void>> {
    const address = GROUP[this.#link.family];
    return this.send(packet, { address, port: MDNS_PORT });
  }

  send(packet: Uint8Array, to: Endpoint): Promise<Result<void>> {
    // Deno would neither throw nor call back.
    if (this.#isClosed) return Promise.resolve(refuse("socket is closed"));
    const address = withZone(to.address, this.#link);
    return sendPacket(this.#socket, packet, { address, port: to.port });
  }

  isAlive(): boolean {
    return this.#kind === "ephemeral" || isMember(this.#socket, this.#link);
  }

  [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isClosed) closeSocket(this.#socket);
    this.#isClosed = true;
    return Promise.resolve();
  }
}

/**
 * The one socket for the IPv4 group, on all links. One for each would hear what
 * comes over any of them, whatever it joined on (IP_MULTICAST_ALL of Linux):
 * with 200 interfaces each packet 200 times. A socket may be a member on 20
 * interfaces only (net.ipv4.igmp_max_memberships), so each link has a second
 * one that does nothing else; systems that need the member to be the one that
 * listens have no such limit.
 */
class SharedGroup4 {
  readonly dispatch = new GroupDispatch();
  #socket: Promise<Socket> | undefined;
  #users = 0;
  /** Ends when what was multicast has gone out by its interface. */
  #sending: Promise<unknown> = Promise.resolve();

  async open(link: Link, onPacket: OnPacket): Promise<MdnsSocket> {
    this.#users++;
    let member: Socket | undefined;
    try {
      const socket = await (this.#socket ??= this.#listen());
      if (Deno.build.os === "linux") {
        member = createSocket(4, "ephemeral");
        await bindSocket(member, ...bindTarget(link, "ephemeral"));
      }
      join(member ?? socket, link);
      const listener = { link, onPacket };
      this.dispatch.add(listener);
      return new SharedGroupSocket(link, {
        socket,
        member: member ?? socket,
        multicast: (packet) => this.#multicast(socket, link, packet),
        onClose: () => {
          this.dispatch.delete(listener);
          if (member === undefined) leave(socket, link);
          else closeSocket(member);
          this.#release();
        },
      });
    } catch (error) {
      if (member !== undefined) closeSocket(member);
      this.#release();
      throw error;
    }
  }

  async #listen(): Promise<Socket> {
    const socket = createSocket(4, "group");
    try {
      const isLinux = Deno.build.os === "linux";
      await bindSocket(socket, MDNS_PORT, isLinux ? GROUP[4] : "0.0.0.0");
      sendFar(socket);
    } catch (error) {
      closeSocket(socket);
      throw error;
    }
    socket.on("message", (packet, from) => {
      this.dispatch.receive(packet, from, systemClock.monotonic());
    });
    return socket;
  }

  /** The interface is the socket's, so that packets go out one by one. */
  #multicast(
    socket: Socket,
    link: Link,
    packet: Uint8Array,
  ): Promise<Result<void>> {
    const sent = this.#sending.then(() => {
      try {
        socket.setMulticastInterface(multicastInterface(link));
      } catch (error) {
        return refuse(socketTrouble(error));
      }
      return sendPacket(socket, packet, { address: GROUP[4], port: MDNS_PORT });
    });
    this.#sending = sent;
    return sent;
  }

  #release(): void {
    if (--this.#users > 0) return;
    void this.#socket?.then(closeSocket, () => {});
    this.#socket = undefined;
    // Deno may never tell what became of a packet whose socket was closed.
    this.#sending = Promise.resolve();
  }
}

const group4 = new SharedGroup4();

interface SharedGroupParts {
  readonly socket: Socket;
  readonly member: Socket;
  readonly multicast: (packet: Uint8Array) => Promise<Result<void>>;
  readonly onClose: () => void;
}

/** A link's part in the shared socket. */
class SharedGroupSocket implements MdnsSocket {
  readonly #link: Link;
  readonly #parts: SharedGroupParts;
  #isClosed = false;

  constructor(link: Link, parts: SharedGroupParts) {
    this.#link = link;
    this.#parts = parts;
  }

  multicast(packet: Uint8Array): Promise<Result<void>> {
    return this.#isClosed
      ? Promise.resolve(refuse("socket is closed"))
      : this.#parts.multicast(packet);
  }

  send(packet: Uint8Array, to: Endpoint): Promise<Result<void>> {
    return this.#isClosed
      ? Promise.resolve(refuse("socket is closed"))
      : sendPacket(this.#parts.socket, packet, to);
  }

  isAlive(): boolean {
    return isMember(this.#parts.member, this.#link);
  }

  [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isClosed) this.#parts.onClose();
    this.#isClosed = true;
    return Promise.resolve();
  }
}

function sendPacket(
  socket: Socket,
  packet: Uint8Array,
  { address, port }: Endpoint,
): Promise<Result<void>> {
  return new Promise((resolve) => {
    try {
      socket.send(packet, port, address, (error) => {
        resolve(error === null ? ok(undefined) : refuse(socketTrouble(error)));
      });
    } catch (error) {
      resolve(refuse(socketTrouble(error)));
    }
  });
}

/**
 * Linux delivers unicast to the socket that was bound last, when several share
 * a port: bound to the group, ours takes none away from avahi or
 * systemd-resolved. Other systems cannot bind a group.
 */
function bindTarget(
  link: Link,
  kind: MdnsSocketKind,
): readonly [port: number, address: string] {
  if (kind === "ephemeral") return [0, link.addresses[0]?.address ?? ""];
  return [
    MDNS_PORT,
    Deno.build.os === "linux" ? `${GROUP[6]}%${link.interfaceName}` : "::",
  ];
}

function join(socket: Socket, link: Link): void {
  socket.addMembership(GROUP[link.family], multicastInterface(link));
}

function leave(socket: Socket, link: Link): void {
  try {
    socket.dropMembership(GROUP[link.family], multicastInterface(link));
  } catch {
    // The interface is gone, and the membership with it.
  }
}

function isMember(socket: Socket, link: Link): boolean {
  try {
    join(socket, link);
    // Joining worked, so the kernel had dropped the membership, and the
    // interface number the socket sends to is that of the deleted one.
    return false;
  } catch {
    // Already a member. The error's code differs between systems.
    return true;
  }
}

/** Deno reports the source of a packet without its zone. */
function withZone(address: string, link: Link): string {
  const bytes = addressBytes(address);
  return bytes !== undefined && isLinkLocal6(bytes)
    ? `${address}%${link.interfaceName}`
    : address;
}

function multicastInterface(link: Link): string {
  return link.family === 4
    ? link.addresses[0]?.address ?? ""
    : `::%${link.interfaceName}`;
}

function socketTrouble(error: unknown): string {
  switch (errorCode(error)) {
    case "EADDRINUSE":
      return ADDRESS_IN_USE;
    case "EADDRNOTAVAIL":
      return "address is gone";
    case "EACCES":
    case "EPERM":
      return "not permitted, a firewall may block UDP port 5353";
    // Deno says so of ENETUNREACH and ENETDOWN.
    case "UNKNOWN":
      return "network unreachable";
    default:
      return messageOf(error);
  }
}
