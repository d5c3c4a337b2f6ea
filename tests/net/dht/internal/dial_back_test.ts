import assert from "node:assert/strict";
import type { Connection, StreamHandler } from "@libp2p/interface";
import { lpStream } from "@libp2p/utils";
import { multiaddr } from "@multiformats/multiaddr";
import { createLibp2p } from "libp2p";
import { systemClock as clock } from "../../../../lib/core/clock.ts";
import {
  DIAL_REQUEST_PROTOCOL,
  DialAnswer,
  DialStatus,
  encodeDialResponse,
} from "../../../../lib/net/dht/internal/autonat_message.ts";
import {
  DialBackAsker,
  serveDialBack,
} from "../../../../lib/net/dht/internal/dial_back.ts";
import { TRANSPORT_OPTIONS } from "../../../../lib/net/dht/internal/dialling.ts";
import { FakeClock } from "../../../support/fake_clock.ts";
import { libp2pTest, unlimited as signal } from "../../../support/dht_nodes.ts";

async function openPeer() {
  const node = await createLibp2p({
    ...TRANSPORT_OPTIONS,
    addresses: { listen: ["/ip4/127.0.0.1/tcp/0"] },
  });
  return {
    node,
    async [Symbol.asyncDispose](): Promise<void> {
      await node.stop();
    },
  };
}

type Peer = Awaited<ReturnType<typeof openPeer>>;

/** An address at which nobody listens. */
const DEAF = multiaddr("/ip4/127.0.0.1/tcp/1");
const STRANGER = multiaddr("/ip4/127.0.0.2/tcp/1");

function addressOf({ node }: Peer) {
  const text = node.getMultiaddrs()[0]?.toString() ?? "";
  return multiaddr(text.replace(/\/p2p\/.*/, ""));
}

async function connect(from: Peer, to: Peer): Promise<Connection> {
  return await from.node.dial(to.node.getMultiaddrs());
}

/** One that asks, and a node that serves it. */
async function open() {
  const stack = new AsyncDisposableStack();
  const server = stack.use(await openPeer());
  const client = stack.use(await openPeer());
  const serverClock = new FakeClock();
  await serveDialBack(server.node, { clock: serverClock, signal });
  const asker = new DialBackAsker({ clock, signal });
  await asker.listen(client.node);
  const connection = await connect(client, server);
  return {
    ...{ server, client, asker, connection, serverClock },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

libp2pTest(
  "a node that others reach is told so, by a connection of theirs",
  async () => {
    await using pair = await open();
    const { asker, client, connection } = pair;
    const own = addressOf(client);
    assert.equal(await asker.ask(connection, [own]), true);
  },
);

libp2pTest("a node behind a firewall is told so", async () => {
  await using pair = await open();
  assert.equal(await pair.asker.ask(pair.connection, [DEAF]), false);
});

libp2pTest("nobody is dialled but who asks, and not often", async () => {
  await using pair = await open();
  const { asker, client, server, connection, serverClock } = pair;
  const dialled: string[] = [];
  const dial = server.node.dial.bind(server.node);
  server.node.dial = (to, options) => {
    dialled.push(String(to));
    return dial(to, options);
  };
  const own = addressOf(client);
  assert.equal(await asker.ask(connection, [STRANGER]), undefined);
  assert.deepEqual(dialled, []);
  assert.equal(await asker.ask(connection, [STRANGER, own]), true);
  assert.deepEqual(dialled, [`${own}/p2p/${client.node.peerId}`]);
  assert.equal(await asker.ask(connection, [own]), undefined, "too soon");
  await serverClock.advance(9000);
  assert.equal(await asker.ask(connection, [own]), undefined, "too soon");
  await serverClock.advance(1000);
  assert.equal(await asker.ask(connection, [own]), true);
  assert.equal(dialled.length, 2);
});

libp2pTest(
  "one that says it was here, and was not, is not believed",
  async () => {
    await using liar = await openPeer();
    await using client = await openPeer();
    const lie: StreamHandler = async (stream) => {
      const messages = lpStream(stream);
      await messages.read({ signal });
      const ok = { answer: DialAnswer.dialled, status: DialStatus.ok };
      await messages.write(encodeDialResponse(ok, 0), { signal });
    };
    await liar.node.handle(DIAL_REQUEST_PROTOCOL, lie);
    const asker = new DialBackAsker({ clock, signal });
    await asker.listen(client.node);
    const connection = await connect(client, liar);
    assert.equal(await asker.ask(connection, [addressOf(client)]), undefined);
  },
);

libp2pTest(
  "one that does not speak AutoNAT, or sends what is no request, harms nobody",
  async () => {
    await using pair = await open();
    await using mute = await openPeer();
    const { asker, client, server } = pair;
    const connection = await connect(client, mute);
    assert.equal(await asker.ask(connection, [addressOf(client)]), undefined);
    const stream = await pair.connection.newStream(DIAL_REQUEST_PROTOCOL);
    stream.send(Uint8Array.of(3, 0xff, 0xff, 0xff));
    await assert.rejects(lpStream(stream).read({ signal }));
    const [again] = server.node.getConnections();
    assert.ok(again);
    assert.equal(await asker.ask(pair.connection, [addressOf(client)]), true);
  },
);
