/**
 * What strangers may send to a node. It has to stay up: an unhandled rejection
 * would end the process, and fails the test.
 */
import { noise } from "@chainsafe/libp2p-noise";
import { yamux } from "@chainsafe/libp2p-yamux";
import type { Connection } from "@libp2p/interface";
import { tcp } from "@libp2p/tcp";
import { multiaddr } from "@multiformats/multiaddr";
import { createLibp2p } from "libp2p";
import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { sleep, systemClock as clock } from "../../../../lib/core/clock.ts";
import { DEFAULT_DHT_PROTOCOL } from "../../../../lib/core/dht_protocol.ts";
import {
  encodeRecord,
  encodeRequest,
  KadCall,
} from "../../../../lib/net/dht/message.ts";
import type { DhtNode } from "../../../../lib/net/dht/node.ts";
import { bootRecordKey } from "../../../../lib/wire/boot_record.ts";
import {
  advertise,
  find,
  IMAGE,
  providerOf,
} from "../../../support/dht_images.ts";
import {
  libp2pTest,
  openTestNode,
  unlimited,
} from "../../../support/dht_nodes.ts";

const PROTOCOLS = [
  DEFAULT_DHT_PROTOCOL,
  "/libp2p/fetch/0.0.1",
  "/ipfs/id/1.0.0",
  "/ipfs/ping/1.0.0",
];

/** Lets a stranger do something to a provider, which must go on serving. */
async function checkServes(
  abuse: (node: DhtNode) => Promise<void>,
): Promise<void> {
  await using node = await openTestNode();
  await using advertiser = advertise(node);
  await advertiser.publish({ image: IMAGE, version: "1" }, {
    signal: unlimited,
  });
  await abuse(node);
  // Time for what was only begun to fail.
  await sleep(clock, 200, { signal: unlimited });
  const found = await find(node.addresses(), (f) => f.kind === "candidate");
  assert.equal(providerOf(found.at(-1)), node.peerId);
}

/** A stranger's connection to a node. */
async function withConnection(
  node: DhtNode,
  run: (connection: Connection) => Promise<void>,
): Promise<void> {
  const stranger = await createLibp2p({
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
  });
  const address = node.addresses()[0] ?? "";
  await run(await stranger.dial(multiaddr(address)));
  await stranger.stop();
}

/** A TCP connection that says nothing. */
function rawConnection(node: DhtNode, localAddress: string): Socket {
  const to = { host: "127.0.0.1", port: port(node) };
  return connect({ ...to, localAddress })
    .on("error", () => {}); // it may be refused
}

function port(node: DhtNode): number {
  return Number(/\/tcp\/(\d+)/.exec(node.addresses()[0] ?? "")?.[1]);
}

libp2pTest("a node survives bytes that are no libp2p", async () => {
  await checkServes(async (node) => {
    const lines = [
      "",
      "\n",
      "GET / HTTP/1.1\r\n\r\n",
      "\x13/multistream/1.0.0\n",
      "\x13/multistream/1.0.0\n\x07/noise\n" + "\xff".repeat(1000),
      "\xff".repeat(70_000),
    ];
    for (const line of lines) {
      using connection = await Deno.connect({
        hostname: "127.0.0.1",
        port: port(node),
      });
      // It may have closed before everything was sent.
      await connection.write(new TextEncoder().encode(line)).catch(() => {});
    }
  });
});

libp2pTest("a host that holds connections keeps nobody else out", async () => {
  await using node = await openTestNode();
  await using advertiser = advertise(node);
  await advertiser.publish({ image: IMAGE, version: "1" }, {
    signal: unlimited,
  });
  const silent = Array.from(
    { length: 250 },
    () => rawConnection(node, "127.0.0.2"),
  );
  await sleep(clock, 500, { signal: unlimited });
  // They are closed after ten seconds.
  const found = await find(node.addresses(), (f) => f.kind === "candidate", {
    timeoutMs: 5000,
  });
  for (const socket of silent) socket.destroy();
  assert.equal(providerOf(found.at(-1)), node.peerId);
});

libp2pTest(
  "connections that were closed do not count against a host",
  async () => {
    await checkServes(async (node) => {
      // As fast as a host may open them.
      for (let round = 0; round < 3; round++) {
        const sockets = Array.from(
          { length: 90 },
          () => rawConnection(node, "127.0.0.1"),
        );
        await sleep(clock, 500, { signal: unlimited });
        for (const socket of sockets) socket.destroy();
        await sleep(clock, 600, { signal: unlimited });
      }
    });
  },
);

libp2pTest("a node survives garbage in each of its protocols", async () => {
  await checkServes((node) =>
    withConnection(node, async (connection) => {
      for (const protocol of PROTOCOLS) {
        for (const size of [0, 1, 100, 10_000]) {
          const stream = await connection.newStream(protocol);
          stream.send(crypto.getRandomValues(new Uint8Array(size)));
          await stream.close().catch(() => {}); // it may be reset already
        }
      }
    })
  );
});

libp2pTest("a node survives streams that are reset or left open", async () => {
  await checkServes((node) =>
    withConnection(node, async (connection) => {
      for (const protocol of PROTOCOLS) {
        const reset = await connection.newStream(protocol);
        reset.abort(new Error("hostile"));
        await connection.newStream(protocol); // and nothing more
        const half = await connection.newStream(protocol);
        // A length and no more, unless the node has closed it already.
        if (half.status === "open") half.send(Uint8Array.of(0xff, 0xff, 0x03));
      }
    })
  );
});

libp2pTest("a node survives malformed Kademlia requests", async () => {
  const text = (s: string) => new TextEncoder().encode(s);
  const key = text(bootRecordKey(IMAGE));
  const none = new Uint8Array();
  const requests = [
    none,
    encodeRequest({ call: KadCall.putValue, key }),
    encodeRequest({ call: KadCall.putValue, key, record: text("garbage") }),
    encodeRequest({
      call: KadCall.putValue,
      key: text("/pk/x"),
      record: encodeRecord({
        key: text("/pk/x"),
        value: text("x"),
        ttlSeconds: 1,
        receivedAtMs: 0,
      }),
    }),
    encodeRequest({ call: KadCall.getValue, key: none }),
    encodeRequest({ call: KadCall.getProviders, key: text("no CID") }),
    encodeRequest({ call: KadCall.addProvider, key: text("no CID") }),
    encodeRequest({
      call: KadCall.addProvider,
      key: Uint8Array.of(0x12, 0x20, ...new Uint8Array(32)),
      provider: { multihash: text("nobody"), addresses: [text("nowhere")] },
    }),
    encodeRequest({ call: KadCall.findNode, key: none }),
  ];
  await checkServes((node) =>
    withConnection(node, async (connection) => {
      for (const request of requests) {
        const stream = await connection.newStream(DEFAULT_DHT_PROTOCOL);
        stream.send(Uint8Array.of(request.length, ...request));
        await stream.close().catch(() => {}); // it may be reset already
      }
    })
  );
});
