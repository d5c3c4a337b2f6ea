/** DHT peers that are not built with lib/: kad-dht as it comes, and hostile ones. */
import { noise } from "@chainsafe/libp2p-noise";
import { yamux } from "@chainsafe/libp2p-yamux";
import { identify } from "@libp2p/identify";
import type { Libp2p, Stream } from "@libp2p/interface";
import { type KadDHT, kadDHT, type KadDHTInit } from "@libp2p/kad-dht";
import { ping } from "@libp2p/ping";
import { tcp } from "@libp2p/tcp";
import { lpStream } from "@libp2p/utils";
import { multiaddr } from "@multiformats/multiaddr";
import { createLibp2p } from "libp2p";
import { systemClock } from "../../lib/core/clock.ts";
import { DEFAULT_DHT_PROTOCOL } from "../../lib/core/dht_protocol.ts";
import type { RecordRules } from "../../lib/net/dht/record_rules.ts";
import { eventually } from "./dht_nodes.ts";

/** A client that looks up with kad-dht's own query. */
export interface KadClient extends AsyncDisposable {
  /** The values that `dht.get` yields; throws what it throws. */
  get(key: string): Promise<Uint8Array[]>;
}

/**
 * Starts kad-dht as a client and waits until it knows the given nodes.
 *
 * @param strangers connected with for a second, which need not suffice
 */
export async function openKadClient(
  addresses: readonly string[],
  policy: RecordRules,
  init: KadDHTInit = {},
  strangers: readonly string[] = [],
): Promise<KadClient> {
  const libp2p: Libp2p<{ dht: KadDHT }> = await createLibp2p({
    ...commonOptions(),
    services: {
      identify: identify(),
      ping: ping(),
      dht: kadDHT({
        clientMode: true,
        // The default drops loopback and private addresses.
        peerInfoMapper: (peer) => peer,
        ...kadRules(policy),
        ...init,
      }),
    },
  });
  // It refreshes its routing table once at the start. With nobody there that
  // ends at once; later it would find what the query under test does not.
  await new Promise<void>((resolve) => systemClock.setTimer(resolve, 300));
  for (const address of addresses) await libp2p.dial(multiaddr(address));
  await eventually(async () => {
    const known = await libp2p.peerStore.all({
      filters: [(peer) => peer.tags.has("kad-peer")],
    });
    return known.length >= addresses.length;
  }, "in the routing table");
  for (const address of strangers) await libp2p.dial(multiaddr(address));
  if (strangers.length > 0) {
    await new Promise<void>((resolve) => systemClock.setTimer(resolve, 1000));
  }
  return {
    async get(key) {
      const values: Uint8Array[] = [];
      const name = new TextEncoder().encode(key);
      for await (const event of libp2p.services.dht.get(name)) {
        if (event.name === "VALUE") values.push(event.value);
      }
      return values;
    },
    async [Symbol.asyncDispose]() {
      await libp2p.stop();
    },
  };
}

/** A node that answers Kademlia requests as a test says. */
export interface CraftedPeer extends AsyncDisposable {
  /** Where it listens, with its peer id. */
  readonly address: string;
  /** Its peer id's multihash. */
  readonly multihash: Uint8Array;
  /** How many requests came. */
  readonly requestCount: () => number;
}

/**
 * Starts a node that speaks only Kademlia: no identify, no ping, as the Rust
 * Phase nodes.
 *
 * @param answer what to send, length-prefixed, to a request; undefined for
 * silence; may use the stream itself
 */
export async function openCraftedPeer(
  answer: (
    request: Uint8Array,
    stream: Stream,
  ) => Uint8Array | undefined | Promise<Uint8Array | undefined>,
): Promise<CraftedPeer> {
  let requests = 0;
  const libp2p = await createLibp2p({
    ...commonOptions(),
    addresses: { listen: ["/ip4/127.0.0.1/tcp/0"] },
  });
  await libp2p.handle(DEFAULT_DHT_PROTOCOL, async (stream) => {
    const messages = lpStream(stream);
    try {
      const request = (await messages.read()).subarray();
      requests++;
      const bytes = await answer(request, stream);
      if (bytes === undefined) return;
      await messages.write(bytes);
      await stream.close();
    } catch {
      // The client went away, as it may when it has seen enough.
    }
  });
  return {
    address: libp2p.getMultiaddrs()[0]?.toString() ?? "",
    multihash: libp2p.peerId.toMultihash().bytes,
    requestCount: () => requests,
    async [Symbol.asyncDispose]() {
      await libp2p.stop();
    },
  };
}

function commonOptions() {
  return {
    addresses: { listen: [] as string[] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
  };
}

/** How kad-dht is told which records to keep. */
function kadRules(
  policy: RecordRules,
): Required<Pick<KadDHTInit, "validators" | "selectors">> {
  return {
    validators: {
      [policy.namespace]: async (key, value) => {
        const name = new TextDecoder().decode(key);
        const accepted = await policy.accept(name, value);
        if (!accepted.ok) throw new Error(accepted.reason);
      },
    },
    selectors: {
      [policy.namespace]: (_key, values) =>
        values.indexOf(
          values.reduce((best, value) =>
            policy.isBetter(value, best) ? value : best
          ),
        ),
    },
  };
}
