import { ok, refuse, type Result } from "./result.ts";

/**
 * Which DHT is joined: one of one's own, by the nodes that are named; or
 * "amino", the public one of IPFS.
 */
export type DhtNetwork = "private" | "amino";

/** Each of them, the default first. */
export const DHT_NETWORKS: readonly DhtNetwork[] = ["private", "amino"];

/** Reads the name of a network. */
export function parseDhtNetwork(text: string): Result<DhtNetwork> {
  const network = DHT_NETWORKS.find((one) => one === text);
  return network === undefined
    ? refuse('not a DHT network, which is "private" or "amino"')
    : ok(network);
}

/**
 * Where the public DHT is joined: the nodes that go-libp2p-kad-dht
 * (dht_bootstrap.go) and kubo begin with. Their names lead to several
 * addresses each.
 */
export const AMINO_BOOTSTRAP: readonly string[] = [
  "/dnsaddr/bootstrap.libp2p.io/p2p/QmNnooDu7bfjPFoTZYxMNLWUQJyrVwtbZg5gBMjTezGAJN",
  "/dnsaddr/bootstrap.libp2p.io/p2p/QmQCU2EcMqAqQPR2i9bChDtGNJchTbq5TbXJJ16u19uLTa",
  "/dnsaddr/bootstrap.libp2p.io/p2p/QmbLHAnMoJPWSCR5Zhtx6BHJX9KiKNN6tpvbUcqanj75Nb",
  "/dnsaddr/bootstrap.libp2p.io/p2p/QmcZf59bWwK5XFi76CZX8cbJ4BhTzzA3gU1ZjYZcYW3dwt",
  "/dnsaddr/va1.bootstrap.libp2p.io/p2p/12D3KooWKnDdG3iXw9eTFijk3EWSunZcFi54Zka4wmtqtt6rPxc8",
  "/ip4/104.131.131.82/tcp/4001/p2p/QmaCpDMGvV2BGHeYERUEnRQAwe3N8SzbUtfsmvsqQLuvuJ",
];
