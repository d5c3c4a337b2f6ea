/** The libp2p protocol id that rust-libp2p and most other DHTs speak. */
export const DEFAULT_DHT_PROTOCOL = "/ipfs/kad/1.0.0";
