import type { Libp2p } from "@libp2p/interface";
import { createLibp2p } from "libp2p";
import assert from "node:assert/strict";
import { systemClock as clock } from "../../../../lib/core/clock.ts";
import { createIdentity } from "../../../../lib/net/dht/identity.ts";
import { CopyWatch } from "../../../../lib/net/dht/internal/copied_identity.ts";
import { TRANSPORT_OPTIONS } from "../../../../lib/net/dht/internal/dialling.ts";
import { bootRecordKey } from "../../../../lib/wire/boot_record.ts";
import { IMAGE } from "../../../support/dht_images.ts";
import {
  eventually,
  libp2pTest,
  openTestNode,
  unlimited as signal,
} from "../../../support/dht_nodes.ts";

const look = { isOwn: () => false, signal };

libp2pTest(
  "a node learns from others that another machine has its identity",
  async () => {
    await using hub = await openTestNode();
    const identity = await createIdentity();
    const told: string[] = [];
    await using node = await openTestNode({
      identity,
      bootstrap: hub.addresses(),
      onCopy: (address) => told.push(address),
    });
    await eventually(() => hub.peerCount() > 0, "it has joined");
    await node.lookFromOutside(bootRecordKey(IMAGE), look);
    assert.equal(node.copiedAt(), undefined);
    await using copy = await openTestNode({
      identity,
      bootstrap: hub.addresses(),
      onCopy: (address) => told.push(address),
    });
    await eventually(
      async () => {
        // The other node names one of both at least as the other.
        await node.lookFromOutside(bootRecordKey(IMAGE), look);
        await copy.lookFromOutside(bootRecordKey(IMAGE), look);
        return (node.copiedAt() ?? copy.copiedAt()) !== undefined;
      },
      "it is told",
      70_000,
    );
    const [warned, other] = node.copiedAt() !== undefined
      ? [node, copy]
      : [copy, node];
    assert.deepEqual(other.addresses(), [
      `${warned.copiedAt()}/p2p/${identity.peerId}`,
    ]);
    assert.equal(told[0], warned.copiedAt());
  },
);

libp2pTest(
  "an address of others that leads here, or to another node, is no copy",
  async () => {
    const listen = { addresses: { listen: ["/ip4/127.0.0.1/tcp/0"] } };
    const own = await createLibp2p({ ...TRANSPORT_OPTIONS, ...listen });
    const other = await createLibp2p({ ...TRANSPORT_OPTIONS, ...listen });
    let arrived = 0;
    own.addEventListener("connection:open", () => arrived++);
    const told: string[] = [];
    using forwarder = forwardTo(own);
    const watch = new CopyWatch({
      own,
      onCopy: (address) => told.push(address),
      clock,
      signal,
    });
    await watch.named([
      ...other.getMultiaddrs().map((one) => `${one}`.replace(/\/p2p\/.*/, "")),
      `/ip4/127.0.0.1/tcp/${forwarder.addr.port}`,
    ]);
    assert.equal(arrived, 1);
    assert.deepEqual(told, []);
    assert.equal(watch.at, undefined);
    await Promise.all([own.stop(), other.stop()]);
  },
);

/** Listens at another port than a node, and leads to it. */
function forwardTo(node: Libp2p): Deno.TcpListener {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const port = Number(/\/tcp\/(\d+)/.exec(`${node.getMultiaddrs()}`)?.[1]);
  const accept = async () => {
    for await (const from of listener) {
      const to = await Deno.connect({ hostname: "127.0.0.1", port });
      from.readable.pipeTo(to.writable).catch(() => {});
      to.readable.pipeTo(from.writable).catch(() => {});
    }
  };
  accept().catch(() => {});
  return listener;
}
