import dgram, { type Socket } from "node:dgram";
import { type Clock, systemClock } from "../../core/clock.ts";
import { errorCode } from "../../core/error_code.ts";
import { messageOf } from "../../core/printable.ts";
import { ok, refuse, type Result } from "../../core/result.ts";
import { type Link, systemAddresses } from "../interfaces.ts";
import { addressBytes, isLinkLocal6 } from "../ip_address.ts";
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
  addresses: systemAddresses,
  async open(link, kind, onPacket) {
    try {
      return ok(await openSocket(link, kind, onPacket));
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
  const socket = dgram.createSocket({
    type: link.family === 4 ? "udp4" : "udp6",
    // Other responders share port 5353 in the same way.
    reuseAddr: kind === "group",
    ipv6Only: link.family === 6,
    // Every address here is one already. Without this Deno loads its resolver
    // and with it node:process, which keeps a client's first query 13 ms.
    lookup: (address, _options, callback) =>
      callback(null, address, link.family),
  });
  try {
    await bind(socket, ...bindTarget(link, kind));
    socket.setMulticastInterface(multicastInterface(link));
    socket.setMulticastTTL(HOP_LIMIT);
    socket.setMulticastLoopback(true);
    if (kind === "group") {
      socket.setTTL(HOP_LIMIT);
      join(socket, link);
    }
  } catch (error) {
    close(socket);
    throw error;
  }
  socket.on("message", (packet, from) => onPacket(packet, from));
  // Trouble with one packet shows where that packet was sent.
  socket.on("error", () => {});
  return new SystemMdnsSocket(socket, link, kind);
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
    const address = withZone(to.address, this.#link);
    // Deno would neither throw nor call back.
    if (this.#isClosed) return Promise.resolve(refuse("socket is closed"));
    return new Promise((resolve) => {
      try {
        this.#socket.send(packet, to.port, address, (error) => {
          resolve(
            error === null ? ok(undefined) : refuse(socketTrouble(error)),
          );
        });
      } catch (error) {
        resolve(refuse(socketTrouble(error)));
      }
    });
  }

  isAlive(): boolean {
    if (this.#kind === "ephemeral") return true;
    try {
      join(this.#socket, this.#link);
      // Joining worked, so the kernel had dropped the membership, and the
      // interface number the socket sends to is that of the deleted one.
      return false;
    } catch {
      // Already a member. The error's code differs between systems.
      return true;
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isClosed) close(this.#socket);
    this.#isClosed = true;
    return Promise.resolve();
  }
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
  if (Deno.build.os !== "linux") {
    return [MDNS_PORT, link.family === 4 ? "0.0.0.0" : "::"];
  }
  return [
    MDNS_PORT,
    link.family === 4 ? GROUP[4] : `${GROUP[6]}%${link.interfaceName}`,
  ];
}

function join(socket: Socket, link: Link): void {
  socket.addMembership(GROUP[link.family], multicastInterface(link));
}

/** Deno tells the source of a packet without its zone. */
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

function bind(socket: Socket, port: number, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.bind(port, address, () => {
      socket.removeListener("error", reject);
      resolve();
    });
  });
}

/**
 * The event that would tell of the end is left alone: Deno 2.9 emits it from
 * process.nextTick, which does nothing as long as node:process is not loaded.
 */
function close(socket: Socket): void {
  try {
    socket.close();
  } catch {
    // It never opened.
  }
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
