import assert from "node:assert/strict";
import { selectLinks } from "../../../lib/net/interfaces.ts";
import { withoutOwnPackets } from "../../../lib/net/mdns/own_packets.ts";
import type {
  MdnsNetwork,
  MdnsSocketKind,
} from "../../../lib/net/mdns/socket.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { type MemoryHost, MemoryLan } from "../../support/memory_lan.ts";

/** Two hosts on a LAN; on the first, a program that does not hear itself. */
class Bench {
  readonly clock = new FakeClock();
  readonly lan = new MemoryLan({ clock: this.clock });
  readonly host = this.lan.host("10.0.0.1");
  readonly other = this.lan.host("10.0.0.2");
  readonly network = withoutOwnPackets(this.host, this.clock);

  /** A socket, and what it hears: `from: packet`. */
  async open(
    kind: MdnsSocketKind,
    network: MdnsNetwork = this.network,
    host: MemoryHost = this.host,
  ) {
    const [link] = selectLinks(host.addresses(), []);
    assert.ok(link !== undefined);
    const heard: string[] = [];
    const socket = await network.open(
      link,
      kind,
      (packet, { address }) =>
        heard.push(`${address}: ${new TextDecoder().decode(packet)}`),
    );
    assert.ok(socket.ok);
    return {
      heard,
      close: () => socket.value[Symbol.asyncDispose](),
      multicast: async (text: string) => {
        await socket.value.multicast(new TextEncoder().encode(text));
        await this.clock.advance(0);
      },
    };
  }
}

Deno.test("withoutOwnPackets() keeps a socket from hearing itself, but for once a second", async () => {
  const bench = new Bench();
  const { heard, multicast } = await bench.open("group");
  const other = await bench.open("group", bench.other, bench.other);
  for (const text of ["a", "b", "c"]) await multicast(text);
  await bench.clock.advance(1000);
  for (const text of ["d", "e"]) await multicast(text);
  assert.deepEqual(heard, ["10.0.0.1: a", "10.0.0.1: d"]);
  assert.equal(other.heard.length, 5, "others hear all");
});

Deno.test("withoutOwnPackets() keeps a responder from what its own program asks, and a querier from what it answers", async () => {
  const bench = new Bench();
  const responder = await bench.open("group");
  const querier = await bench.open("group");
  const direct = await bench.open("ephemeral");
  await responder.multicast("answer");
  await querier.multicast("question");
  await direct.multicast("question from another port");
  assert.deepEqual(responder.heard, ["10.0.0.1: answer"]);
  assert.deepEqual(querier.heard, ["10.0.0.1: question"]);
});

Deno.test("withoutOwnPackets() lets through the same bytes from others, of this host or another", async () => {
  const bench = new Bench();
  const { heard, multicast } = await bench.open("group");
  await multicast("first of the second");
  const neighbour = await bench.open("group", bench.host);
  const other = await bench.open("group", bench.other, bench.other);
  heard.length = 0;
  await multicast("same");
  // Within this time it would count as a copy of the first.
  await bench.clock.advance(100);
  await neighbour.multicast("same");
  await other.multicast("same");
  await multicast("same");
  assert.deepEqual(heard, ["10.0.0.1: same", "10.0.0.2: same"]);
});

Deno.test("withoutOwnPackets() expects no packet for ever: what comes late may be another's", async () => {
  const bench = new Bench();
  const { heard, multicast } = await bench.open("group");
  await multicast("first of the second");
  const other = await bench.open("group", bench.other, bench.other);
  bench.lan.weather = { loss: 1 };
  await multicast("same");
  bench.lan.weather = {};
  await bench.clock.advance(10_000);
  heard.length = 0;
  await other.multicast("same");
  assert.deepEqual(heard, ["10.0.0.2: same"]);
});

Deno.test("withoutOwnPackets() forgets a socket that was closed", async () => {
  const bench = new Bench();
  const before = await bench.open("group");
  await before.close();
  const { heard, multicast } = await bench.open("group");
  await multicast("a");
  await multicast("b");
  assert.deepEqual(heard, ["10.0.0.1: a"]);
  assert.deepEqual(before.heard, []);
});
