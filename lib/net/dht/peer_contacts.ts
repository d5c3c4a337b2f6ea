import { multiaddr } from "@multiformats/multiaddr";
import { BoundedMap } from "../../core/bounded_map.ts";
import { unmapped } from "./internal/addresses.ts";

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

/** What is shown of a connection with another node. */
export interface OtherEnd {
  /** The peer id. */
  readonly remotePeer: { toString(): string };
  /** The multiaddr. */
  readonly remoteAddr: { toString(): string };
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
  ended({ remotePeer, remoteAddr }: OtherEnd, nowMs: number): void {
    const peerId = remotePeer.toString();
    this.#ended.set(peerId, {
      peerId,
      address: addressOf(remoteAddr),
      isConnected: false,
      lastContactMs: nowMs,
    });
  }

  /**
   * The nodes that are connected, and those that were, the last first.
   *
   * @param open the connections there are
   */
  list(open: readonly OtherEnd[], nowMs: number): PeerContact[] {
    const ids = new Map(open.map((one) => [one.remotePeer.toString(), one]));
    const connected = [...ids].map(([peerId, { remoteAddr }]) => ({
      peerId,
      address: addressOf(remoteAddr),
      isConnected: true,
      lastContactMs: nowMs,
    }));
    const gone = [...this.#ended.values()]
      .filter(({ peerId }) => !ids.has(peerId)).reverse();
    return [...connected, ...gone].slice(0, MAX_CONTACTS);
  }
}

function addressOf(remote: OtherEnd["remoteAddr"]): string {
  return unmapped(multiaddr(remote.toString())).toString();
}
