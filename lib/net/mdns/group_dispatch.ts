import { BoundedMap } from "../../core/bounded_map.ts";
import {
  type InterfaceAddress,
  interfacesTowards,
  type Link,
} from "../interfaces.ts";
import type { Endpoint, OnPacket } from "./socket.ts";

/** A receiver of what comes over a link. */
export interface GroupListener {
  /** An IPv4 one. */
  readonly link: Link;
  /** Takes the packet. */
  readonly onPacket: OnPacket;
}

/** How many senders are remembered, with the listeners that hear them. */
const MAX_SOURCES = 256;

/**
 * On a LAN that this machine joins with several interfaces, each packet arrives
 * once per interface. No host repeats a packet on purpose within this time:
 * probes are 250 ms apart, and goodbyes are repeated for those that missed the
 * first.
 */
const COPY_WINDOW_MS = 100;
/** One packet from each of a few hundred interfaces. */
const MAX_RECENT_PACKETS = 512;

/**
 * Hands each IPv4 packet to the group to the links that it came over, once.
 * The system does not tell over which: by its source it is decided
 * (`interfacesTowards`). One from a subnet that this machine is not on is for
 * all links.
 */
export class GroupDispatch {
  readonly #listeners = new Set<GroupListener>();
  #addresses: readonly InterfaceAddress[] = [];
  readonly #heardBy = new BoundedMap<string, readonly GroupListener[]>(
    MAX_SOURCES,
    "forget oldest",
  );
  /** When each came, in milliseconds. */
  readonly #recent = new BoundedMap<string, number>(
    MAX_RECENT_PACKETS,
    "forget oldest",
  );

  add(listener: GroupListener): void {
    this.#listeners.add(listener);
    this.#forgetWays();
  }

  /** One listens no more. */
  delete(listener: GroupListener): void {
    this.#listeners.delete(listener);
    this.#forgetWays();
  }

  /** Sets what addresses this machine has, of use in mDNS or not. */
  setAddresses(addresses: readonly InterfaceAddress[]): void {
    this.#addresses = addresses;
    this.#forgetWays();
  }

  /** Takes in a packet, at a monotonic time. */
  receive(packet: Uint8Array, from: Endpoint, nowMs: number): void {
    const key = `${from.address} ${from.port} ${packet.toHex()}`;
    const cameMs = this.#recent.get(key) ?? -Infinity;
    if (nowMs - cameMs < COPY_WINDOW_MS) return;
    this.#recent.set(key, nowMs);
    for (const { onPacket } of this.#listenersTo(from.address)) {
      onPacket(packet, from);
    }
  }

  #listenersTo(source: string): readonly GroupListener[] {
    const remembered = this.#heardBy.get(source);
    if (remembered !== undefined) return remembered;
    const names = interfacesTowards(source, this.#addresses);
    const heardBy = [...this.#listeners].filter(({ link }) =>
      names.size === 0 || names.has(link.interfaceName)
    );
    this.#heardBy.set(source, heardBy);
    return heardBy;
  }

  #forgetWays(): void {
    for (const [source] of this.#heardBy) this.#heardBy.delete(source);
  }
}
