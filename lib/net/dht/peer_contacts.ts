import { BoundedMap } from "../../core/bounded_map.ts";

/** Another DHT node, and when it was last heard of. */
export interface PeerContact {
  /** Base58. */
  readonly peerId: string;
  /** The multiaddr at the other end of the last connection. */
  readonly address: string;
  /** Whether a connection with it is open. */
  readonly isConnected: boolean;
  /**
   * When the last connection with it ended, in milliseconds since 1970; of an
   * open one, which is kept up by pings, now.
   */
  readonly lastContactMs: number;
}

/** More are not listed, and not remembered. */
const MAX_CONTACTS = 256;

/** Remembers the nodes that were connected with last. */
export class PeerContacts {
  readonly #ended = new BoundedMap<string, PeerContact>(
    MAX_CONTACTS,
    "forget oldest",
  );

  /** A connection with a node has ended. */
  ended(connection: PeerEnd, nowMs: number): void {
    const contact = contactOf(connection, false, nowMs);
    this.#ended.delete(contact.peerId);
    this.#ended.set(contact.peerId, contact);
  }

  /**
   * The nodes that are connected, and those that were, the last first.
   *
   * @param open connections with those that are
   */
  list(open: readonly PeerEnd[], nowMs: number): PeerContact[] {
    const connected = new Map(
      open.map((one) => [`${one.remotePeer}`, contactOf(one, true, nowMs)]),
    );
    const gone = [...this.#ended.values()]
      .filter(({ peerId }) => !connected.has(peerId)).reverse();
    return [...connected.values(), ...gone].slice(0, MAX_CONTACTS);
  }
}

/** Who is at the other end of a connection. */
export interface PeerEnd {
  readonly remotePeer: { toString(): string };
  readonly remoteAddr: { toString(): string };
}

function contactOf(
  { remotePeer, remoteAddr }: PeerEnd,
  isConnected: boolean,
  lastContactMs: number,
): PeerContact {
  return {
    peerId: remotePeer.toString(),
    address: remoteAddr.toString(),
    isConnected,
    lastContactMs,
  };
}
