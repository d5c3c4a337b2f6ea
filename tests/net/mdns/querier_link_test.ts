import assert from "node:assert/strict";
import type { Result } from "../../../lib/core/result.ts";
import { encodeMessage } from "../../../lib/net/dns/encode_message.ts";
import {
  type DnsMessage,
  responseMessage,
} from "../../../lib/net/dns/message.ts";
import { selectLinks } from "../../../lib/net/interfaces.ts";
import { QuerierLink } from "../../../lib/net/mdns/querier_link.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { addressRecord } from "../../support/mdns_messages.ts";
import { MemoryHost, MemoryLan } from "../../support/memory_lan.ts";

const QUERY = Uint8Array.of(1, 2, 3);
const ANSWER = responseMessage([addressRecord("lab.local", "10.0.0.1")]);
const PEER = { address: "10.0.0.1", port: 5353 };

/** The first link of a host with two, and what its querier told. */
class Bench {
  readonly clock = new FakeClock();
  readonly lan = new MemoryLan({ clock: this.clock });
  readonly host = new MemoryHost([
    {
      lan: this.lan,
      interfaceName: "eth0",
      address: "10.0.0.9",
      prefixLength: 24,
    },
    {
      lan: this.lan,
      interfaceName: "wlan0",
      address: "10.1.0.9",
      prefixLength: 24,
    },
  ]);
  readonly heard: DnsMessage[] = [];
  readonly told: string[] = [];
  /** How long it takes to send. */
  slowdown = Promise.resolve();
  onReady = (session: QuerierLink) => {
    void session.ask("ephemeral", QUERY);
  };
  onMessage = (message: DnsMessage) => {
    this.heard.push(message);
  };

  open(addresses = this.host.addresses()): Promise<Result<QuerierLink>> {
    const [link] = selectLinks(addresses, []);
    return QuerierLink.open(link ?? assert.fail("no link"), {
      network: {
        addresses: () => this.host.addresses(),
        open: async (...args) => {
          const socket = await this.host.open(...args);
          if (!socket.ok) return socket;
          const { value } = socket;
          const send = value.multicast.bind(value);
          value.multicast = async (packet) => {
            await this.slowdown;
            return await send(packet);
          };
          return socket;
        },
      },
      onReady: (session) => this.onReady(session),
      onMessage: (_session, message) => this.onMessage(message),
      onClosed: () => this.told.push("closed"),
      onProblem: (problem) => this.told.push(problem),
    });
  }
}

async function opened(bench: Bench): Promise<QuerierLink> {
  const session = await bench.open();
  assert.ok(session.ok);
  return session.value;
}

Deno.test("QuerierLink asks before it opens port 5353", async () => {
  const bench = new Bench();
  const socketsThen: number[] = [];
  bench.onReady = (session) => {
    socketsThen.push(bench.host.sockets.size);
    void session.ask("ephemeral", QUERY);
  };
  const session = await opened(bench);
  assert.deepEqual(socketsThen, [1]);
  assert.equal(bench.host.sockets.size, 2);
  assert.deepEqual(
    bench.lan.tapped.map(({ packet, from }) => [
      packet,
      from.port === 5353,
    ]),
    [[QUERY, false]],
  );
  await session.ask("group", QUERY);
  assert.equal(bench.lan.tapped[1]?.from.port, 5353);
  await session[Symbol.asyncDispose]();
  assert.equal(bench.host.sockets.size, 0);
  assert.deepEqual(bench.told, ["closed"]);
});

Deno.test("QuerierLink asks at once when its link has changed", async () => {
  const bench = new Bench();
  await using session = await opened(bench);
  bench.lan.tapped.length = 0;
  session.linkChanged();
  await bench.clock.advance(1);
  assert.deepEqual(bench.lan.tapped.map(({ packet }) => packet), [QUERY]);
});

Deno.test("QuerierLink keeps no query waiting while port 5353 is opened", async () => {
  const bench = new Bench();
  const sent = Promise.withResolvers<void>();
  bench.slowdown = sent.promise;
  const opening = bench.open();
  await bench.clock.advance(1);
  assert.equal(bench.host.sockets.size, 1);
  sent.resolve();
  const session = await opening;
  assert.equal(bench.host.sockets.size, 2);
  if (session.ok) await session.value[Symbol.asyncDispose]();
});

Deno.test("QuerierLink is of use without port 5353, and says that it is taken", async () => {
  const bench = new Bench();
  bench.host.portIsTaken = true;
  await using session = await opened(bench);
  assert.deepEqual(bench.told, [
    "mdns eth0 10.0.0.9: address in use by another program",
  ]);
  await session.ask("group", QUERY);
  assert.equal(bench.lan.tapped.length, 1, "the first query only");
});

Deno.test("QuerierLink cannot be opened when the link's address is gone", async () => {
  const bench = new Bench();
  const before = bench.host.addresses();
  bench.host.unplug();
  assert.deepEqual(await bench.open(before), {
    ok: false,
    reason: "address is gone",
  });
  assert.deepEqual(bench.told, []);
});

Deno.test("QuerierLink takes in what comes by multicast on its link whatever its source, and nothing of another link or without sense", async () => {
  const bench = new Bench();
  await using _session = await opened(bench);
  const packet = encodeMessage(ANSWER);
  bench.lan.transmit(packet, PEER, "group");
  bench.lan.transmit(packet, { ...PEER, address: "192.0.2.1" }, "group");
  bench.lan.transmit(packet, { ...PEER, address: "10.1.0.1" }, "group");
  bench.lan.transmit(packet.slice(0, 20), PEER, "group");
  await bench.clock.advance(1);
  assert.deepEqual(bench.heard, [ANSWER, ANSWER]);
  assert.deepEqual(bench.told, []);
});

Deno.test("QuerierLink takes in no answer to its own address from beyond its link", async () => {
  const bench = new Bench();
  await using _session = await opened(bench);
  const packet = encodeMessage(ANSWER);
  const asker = bench.lan.tapped[0]?.from ?? assert.fail("nothing was asked");
  bench.lan.transmit(packet, { ...PEER, address: "192.0.2.1" }, asker);
  await bench.clock.advance(1);
  assert.deepEqual(bench.heard, []);
  bench.lan.transmit(packet, PEER, asker);
  await bench.clock.advance(1);
  assert.deepEqual(bench.heard, [ANSWER]);
});

Deno.test("QuerierLink tells of a packet that lays a bug bare, and goes on", async () => {
  const bench = new Bench();
  await using _session = await opened(bench);
  bench.onMessage = () => {
    throw new Error("bug");
  };
  bench.lan.transmit(encodeMessage(ANSWER), PEER, "group");
  await bench.clock.advance(1);
  assert.deepEqual(bench.told, ["mdns eth0 10.0.0.9: bug"]);
});

Deno.test("QuerierLink tells that nothing can be sent, and that its interface was re-created", async () => {
  const bench = new Bench();
  await using session = await opened(bench);
  bench.host.isUnreachable = true;
  await session.ask("ephemeral", QUERY);
  assert.deepEqual(bench.told, ["mdns eth0 10.0.0.9: network unreachable"]);
  assert.equal(session.problem(), undefined);
  bench.host.unplug();
  assert.equal(session.problem(), "interface was re-created");
});
