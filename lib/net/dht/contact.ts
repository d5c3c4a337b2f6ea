/** A node, as another node named it or as it answered. */
export interface KadPeer {
  /** Peer id as text. */
  readonly id: string;
  /** The bytes of the peer id, whose SHA-256 is its place in the key space. */
  readonly multihash: Uint8Array;
  /** Multiaddrs without the peer id. */
  readonly addresses: readonly string[];
}

/** Where to ask: a peer, or the multiaddr of one whose id may be unknown. */
export type Contact = KadPeer | string;
