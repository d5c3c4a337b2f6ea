import type { Clock } from "../../lib/core/clock.ts";
import { ok, refuse, type Result } from "../../lib/core/result.ts";
import {
  type InterfaceAddress,
  isOnLink,
  type Link,
} from "../../lib/net/interfaces.ts";
import {
  GroupDispatch,
  type GroupListener,
} from "../../lib/net/mdns/group_dispatch.ts";
import {
  ADDRESS_IN_USE,
  type Endpoint,
  MDNS_PORT,
  type MdnsNetwork,
  type MdnsSocket,
  type MdnsSocketKind,
  type OnPacket,
} from "../../lib/net/mdns/socket.ts";

/** How a LAN treats packets; perfect unless told otherwise. */
export interface LanWeather {
  /** 0 to 1. */
  readonly loss?: number;
  /** 0 to 1. */
  readonly duplication?: number;
  /** Each packet takes a time between these, so packets overtake each other. */
  readonly delayMs?: readonly [least: number, most: number];
}

/** A packet as a wire tap sees it. */
export interface TappedPacket {
  readonly atMs: number;
  readonly from: Endpoint;
  /** `group`, or the address of one host. */
  readonly to: string;
  readonly toPort: number;
  readonly packet: Uint8Array;
}

/** A LAN in memory, the twin of `systemMdnsNetwork`. */
export class MemoryLan {
  readonly tapped: TappedPacket[] = [];
  readonly clock: Clock;
  readonly random: () => number;
  weather: LanWeather;
  readonly #sockets = new Set<MemorySocket>();

  constructor(
    { clock, random = seededRandom(1), weather = {} }: {
      readonly clock: Clock;
      readonly random?: () => number;
      readonly weather?: LanWeather;
    },
  ) {
    this.clock = clock;
    this.random = random;
    this.weather = weather;
  }

  /** Plugs a host in, with one interface and one IPv4 address (/24) or more. */
  host(...addresses: string[]): MemoryHost {
    return new MemoryHost(addresses.map((address) => ({
      lan: this,
      interfaceName: "eth0",
      address,
      prefixLength: address.includes(":") ? 64 : 24,
    })));
  }

  /** @internal */
  attach(socket: MemorySocket): void {
    this.#sockets.add(socket);
  }

  /** @internal */
  detach(socket: MemorySocket): void {
    this.#sockets.delete(socket);
  }

  /** Puts a packet on the wire, as a host of any kind may. */
  transmit(
    packet: Uint8Array,
    from: Endpoint,
    to: Endpoint | "group",
  ): void {
    this.tapped.push({
      atMs: this.clock.monotonic(),
      from,
      to: to === "group" ? "group" : to.address,
      toPort: to === "group" ? MDNS_PORT : to.port,
      packet,
    });
    for (const socket of this.#sockets) {
      if (!socket.takes(from, to)) continue;
      const { loss = 0, duplication = 0 } = this.weather;
      if (this.random() < loss) continue;
      this.#deliver(socket, packet, from);
      if (this.random() < duplication) this.#deliver(socket, packet, from);
    }
  }

  #deliver(socket: MemorySocket, packet: Uint8Array, from: Endpoint): void {
    const arrive = () => socket.deliver(packet.slice(), from);
    if (this.weather.delayMs === undefined) return queueMicrotask(arrive);
    const [least, most] = this.weather.delayMs;
    this.clock.setTimer(arrive, least + this.random() * (most - least));
  }
}

interface MemoryInterface extends InterfaceAddress {
  readonly lan: MemoryLan;
}

/** A machine on one or more LANs. */
export class MemoryHost implements MdnsNetwork {
  /** What is plugged in at the moment. */
  interfaces: readonly MemoryInterface[];
  /** Another program holds port 5353 for itself. */
  portIsTaken = false;
  /** Its packets come back to it, as where no firewall drops them. */
  hearsItself = true;
  /** Sending fails, as without a route. */
  isUnreachable = false;
  /** @internal */
  readonly sockets = new Set<MemorySocket>();
  /** @internal */
  readonly dispatch = new GroupDispatch();
  #nextPort = 40_000;

  constructor(interfaces: readonly MemoryInterface[]) {
    this.interfaces = interfaces;
  }

  /** Takes every cable out, and the interfaces along. */
  unplug(): void {
    this.interfaces = [];
  }

  /** Adds an interface `eth0` with an IPv4 address. */
  plug(lan: MemoryLan, address: string): void {
    const interfaceName = "eth0";
    this.interfaces = [
      ...this.interfaces,
      { lan, interfaceName, address, prefixLength: 24 },
    ];
  }

  addresses(): readonly InterfaceAddress[] {
    return this.interfaces;
  }

  /** @internal */
  receive(packet: Uint8Array, from: Endpoint, clock: Clock): void {
    this.dispatch.setAddresses(this.interfaces);
    this.dispatch.receive(packet, from, clock.monotonic());
  }

  open(
    link: Link,
    kind: MdnsSocketKind,
    onPacket: OnPacket,
  ): Promise<Result<MdnsSocket>> {
    const address = link.addresses[0]?.address ?? "";
    const on = this.interfaces.find((i) => i.address === address);
    if (on === undefined) return Promise.resolve(refuse("address is gone"));
    if (kind === "group" && this.portIsTaken) {
      return Promise.resolve(refuse(ADDRESS_IN_USE));
    }
    const port = kind === "group" ? MDNS_PORT : this.#nextPort++;
    return Promise.resolve(
      ok(new MemorySocket(this, on, link, { address, port }, onPacket)),
    );
  }
}

class MemorySocket implements MdnsSocket {
  readonly #host: MemoryHost;
  /** As it was when the socket joined: one that comes back is another. */
  readonly #on: MemoryInterface;
  readonly #link: Link;
  readonly #own: Endpoint;
  readonly #onPacket: OnPacket;
  readonly #listener: GroupListener;
  #isClosed = false;

  constructor(
    host: MemoryHost,
    on: MemoryInterface,
    link: Link,
    own: Endpoint,
    onPacket: OnPacket,
  ) {
    this.#host = host;
    this.#listener = { link, onPacket };
    this.#on = on;
    this.#link = link;
    this.#own = own;
    this.#onPacket = onPacket;
    on.lan.attach(this);
    host.sockets.add(this);
    if (own.port === MDNS_PORT && link.family === 4) {
      host.dispatch.add(this.#listener);
    }
  }

  /** Group sockets hear the group, their own packets too; others do not. */
  takes(from: Endpoint, to: Endpoint | "group"): boolean {
    if (this.#isClosed || !this.isAlive()) return false;
    const isGroup = this.#own.port === MDNS_PORT;
    if (to === "group") {
      const isOwn = from === this.#own;
      return isGroup && (!isOwn || this.#host.hearsItself) &&
        from.address.includes(":") === (this.#link.family === 6);
    }
    return !isGroup && to.port === this.#own.port &&
      to.address === this.#own.address;
  }

  /** What is for the IPv4 group comes to all sockets of the host. */
  deliver(packet: Uint8Array, from: Endpoint): void {
    const isShared = this.#own.port === MDNS_PORT && this.#link.family === 4;
    if (isShared) this.#host.receive(packet, from, this.#on.lan.clock);
    else if (!this.#isClosed) this.#onPacket(packet, from);
  }

  multicast(packet: Uint8Array): Promise<Result<void>> {
    return this.#transmit(packet, "group");
  }

  send(packet: Uint8Array, to: Endpoint): Promise<Result<void>> {
    return this.#transmit(packet, to);
  }

  isAlive(): boolean {
    return this.#host.interfaces.includes(this.#on);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#on.lan.detach(this);
    this.#host.sockets.delete(this);
    this.#host.dispatch.delete(this.#listener);
    return Promise.resolve();
  }

  #transmit(
    packet: Uint8Array,
    to: Endpoint | "group",
  ): Promise<Result<void>> {
    if (this.#isClosed) return Promise.resolve(refuse("socket is closed"));
    if (this.#host.isUnreachable || !this.isAlive()) {
      return Promise.resolve(refuse("network unreachable"));
    }
    if (to !== "group" && !isOnLink(to.address, this.#link)) {
      return Promise.resolve(ok(undefined));
    }
    this.#on.lan.transmit(packet, this.#own, to);
    return Promise.resolve(ok(undefined));
  }
}

/** mulberry32: the same numbers in every run. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}
