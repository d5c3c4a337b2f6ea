import { BoundedMap } from "../../core/bounded_map.ts";
import type { Clock } from "../../core/clock.ts";
import { ok } from "../../core/result.ts";
import { linkKey } from "../interfaces.ts";
import type { MdnsNetwork, MdnsSocket, OnPacket } from "./socket.ts";

/** How long a packet may be on its way back to us, also while we are busy. */
const RETURN_MS = 10_000;
/**
 * Beyond this, the oldest are taken for another host's, which only costs time.
 */
const MAX_EXPECTED = 10_000;
/** How often a socket hears itself all the same. */
const HEARD_INTERVAL_MS = 1000;

/**
 * A network on which a program does not hear itself: what one of its sockets
 * multicasts comes back to every socket in the group on that link, and a
 * provider of ten thousand images took minutes for its own announcements.
 * Exactly as many packets are left out as were sent, since another program, on
 * this host or not, may send the same bytes. About one packet a second is still
 * passed to the socket that sent it, to show that the link works.
 *
 * @param network what the sockets are opened on
 */
export function withoutOwnPackets(
  network: MdnsNetwork,
  clock: Pick<Clock, "monotonic">,
): MdnsNetwork {
  /** The sockets that are in the group, by link. */
  const hearing = new Map<string, Set<OwnPackets>>();
  return {
    addresses: () => network.addresses(),
    async open(link, kind, onPacket) {
      const own = new OwnPackets(clock);
      const hears: OnPacket = (packet, from) => {
        if (!own.isBack(packet)) onPacket(packet, from);
      };
      const opened = await network.open(link, kind, hears);
      if (!opened.ok) return opened;
      const onLink = hearing.get(linkKey(link)) ?? new Set();
      hearing.set(linkKey(link), onLink);
      if (kind === "group") onLink.add(own);
      return ok(socketThatTells(opened.value, {
        onMulticast: (packet) => {
          for (const other of onLink) other.expect(packet, other === own);
        },
        onClosed: () => onLink.delete(own),
      }));
    },
  };
}

function socketThatTells(
  socket: MdnsSocket,
  { onMulticast, onClosed }: {
    readonly onMulticast: (packet: Uint8Array) => void;
    readonly onClosed: () => void;
  },
): MdnsSocket {
  return {
    multicast(packet) {
      onMulticast(packet);
      return socket.multicast(packet);
    },
    send: (packet, to) => socket.send(packet, to),
    isAlive: () => socket.isAlive(),
    [Symbol.asyncDispose]() {
      onClosed();
      return socket[Symbol.asyncDispose]();
    },
  };
}

interface Expected {
  readonly count: number;
  readonly untilMs: number;
  /** Whether the socket that hears it has sent it. */
  readonly isOfSocket: boolean;
}

/** What is to come back to one socket. */
class OwnPackets {
  readonly #clock: Pick<Clock, "monotonic">;
  /** By packet, the earliest sent first. */
  readonly #expected = new BoundedMap<number, Expected>(
    MAX_EXPECTED,
    "forget oldest",
  );
  #heardMs = -Infinity;

  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
  }

  expect(packet: Uint8Array, isOfSocket: boolean): void {
    const nowMs = this.#clock.monotonic();
    for (const [key, { untilMs }] of this.#expected) {
      if (untilMs > nowMs) break;
      this.#expected.delete(key);
    }
    const key = packetKey(packet);
    const count = (this.#expected.get(key)?.count ?? 0) + 1;
    const untilMs = nowMs + RETURN_MS;
    this.#expected.set(key, { count, untilMs, isOfSocket });
  }

  /** Whether a packet is our own, and should not be heard. */
  isBack(packet: Uint8Array): boolean {
    const key = packetKey(packet);
    const expected = this.#expected.get(key);
    const nowMs = this.#clock.monotonic();
    if (expected === undefined || expected.untilMs <= nowMs) return false;
    this.#expected.delete(key);
    const { count, untilMs, isOfSocket } = expected;
    if (count > 1) {
      this.#expected.set(key, { count: count - 1, untilMs, isOfSocket });
    }
    if (!isOfSocket || nowMs < this.#heardMs + HEARD_INTERVAL_MS) return true;
    this.#heardMs = nowMs;
    return false;
  }
}

/**
 * A number that two packets hardly have in common: length and FNV-1a. Compared
 * bit by bit, the packets would have to be kept.
 */
export function packetKey(packet: Uint8Array): number {
  let hash = 0x811c9dc5;
  // Five times as fast as by its iterator.
  for (let i = 0; i < packet.length; i++) {
    hash = Math.imul(hash ^ (packet[i] ?? 0), 0x01000193);
  }
  return packet.length * 2 ** 32 + (hash >>> 0);
}
