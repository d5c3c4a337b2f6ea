import type { Libp2p, PeerId } from "@libp2p/interface";
import { peerIdFromMultihash } from "@libp2p/peer-id";
import * as Digest from "multiformats/hashes/digest";
import { BoundedMap } from "../../../core/bounded_map.ts";
import type { Clock } from "../../../core/clock.ts";
import type { WirePeer } from "../message.ts";
import { groupOf, K, rememberedGroups, spread } from "../peer_groups.ts";
import { hostOf, toldAddresses } from "./addresses.ts";
import type { DhtServices } from "./libp2p.ts";
import type { Asker } from "./request_answers.ts";
import { nearestNodes } from "./routing_table.ts";

/** Nodes whose host is remembered after their connection was closed. */
const MAX_HOSTS = 4096;
/** Addresses change seldom, and each is asked for with every answer. */
const ADDRESSES_MS = 2000;

/** The nearest nodes to name in an answer, spread over groups of hosts. */
export class NearestPeers {
  readonly #libp2p: Libp2p<DhtServices>;
  readonly #clock: Clock;
  /** Whether private addresses are left out. */
  readonly #isAmino: boolean | undefined;
  readonly #hosts = new BoundedMap<string, string>(MAX_HOSTS, "forget oldest");
  readonly #told = new BoundedMap<
    string,
    { readonly peer: WirePeer; readonly untilMs: number }
  >(MAX_HOSTS, "forget oldest");
  readonly #groupOfHost = rememberedGroups(groupOf);

  constructor(
    libp2p: Libp2p<DhtServices>,
    { clock, isAmino }: {
      readonly clock: Clock;
      readonly isAmino?: boolean | undefined;
    },
  ) {
    this.#libp2p = libp2p;
    this.#clock = clock;
    this.#isAmino = isAmino;
    libp2p.addEventListener("connection:open", ({ detail }) => {
      const host = hostOf(detail.remoteAddr);
      this.#hosts.set(detail.remotePeer.toString(), host);
    });
  }

  /** Where a peer is, by the connection that it had last. */
  group(peerId: PeerId): string {
    const id = peerId.toString();
    const host = this.#hosts.get(id);
    return host === undefined ? id : this.#groupOfHost(host);
  }

  /**
   * The nodes nearest to a key, without the asker, the peer itself that the key
   * may be before all others.
   */
  async closer(key: Uint8Array, { multihash }: Asker): Promise<WirePeer[]> {
    const { dht } = this.#libp2p.services;
    const self = this.#libp2p.peerId;
    const isTold = (peer: PeerId) =>
      !peer.equals(self) && !sameBytes(peer.toMultihash().bytes, multihash);
    const nearest = nearestNodes(dht, key, 4 * K).filter(isTold);
    const chosen = spread(nearest, (peer) => this.group(peer));
    const wanted = peerOf(key);
    const peers = wanted === undefined || !isTold(wanted)
      ? chosen
      : [wanted, ...chosen.filter((peer) => !peer.equals(wanted))];
    const told = await Promise.all(
      peers.map((peer) => this.#addressesOf(peer)),
    );
    return told.filter(({ addresses }) => addresses.length > 0);
  }

  async #addressesOf(peerId: PeerId): Promise<WirePeer> {
    const id = peerId.toString();
    const nowMs = this.#clock.monotonic();
    const known = this.#told.get(id);
    if (known !== undefined && known.untilMs > nowMs) return known.peer;
    const { addresses } = await this.#libp2p.peerStore.get(peerId)
      .catch(() => ({ addresses: [] })); // it is gone
    const peer = {
      multihash: peerId.toMultihash().bytes,
      // First what it signed itself: anybody may name other addresses of it.
      addresses: toldAddresses(
        addresses.toSorted((a, b) =>
          Number(b.isCertified) - Number(a.isCertified)
        ).map((a) => a.multiaddr.bytes),
        this.#isAmino,
      ),
    };
    this.#told.set(id, { peer, untilMs: nowMs + ADDRESSES_MS });
    return peer;
  }
}

/** The peer whose id a key is. */
function peerOf(key: Uint8Array): PeerId | undefined {
  try {
    return peerIdFromMultihash(Digest.decode(key));
  } catch {
    return undefined; // a key of a record
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
