import assert from "node:assert/strict";
import { encodeMessage } from "../../../lib/net/dns/encode_message.ts";
import {
  type DnsMessage,
  type DnsRecord,
  DnsType,
  queryMessage,
  recordKey,
  responseMessage,
} from "../../../lib/net/dns/message.ts";
import { type Link, selectLinks } from "../../../lib/net/interfaces.ts";
import type { Claim } from "../../../lib/net/mdns/claim_register.ts";
import { ResponderLink } from "../../../lib/net/mdns/responder_link.ts";
import {
  hostClaim,
  serviceClaim,
} from "../../../lib/net/mdns/service_claim.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import {
  addressRecord,
  decoded,
  describeRecord,
  question,
} from "../../support/mdns_messages.ts";
import { MemoryLan } from "../../support/memory_lan.ts";
import { A, claims, HOST, SERVICE } from "../../support/responder_bench.ts";

const PEER = { address: "10.0.0.9", port: 5353 };
const OURS = new Set(
  [...claims().values()].flatMap(({ unique }) => unique).map(recordKey),
);
const QUERY = encodeMessage(queryMessage([question(HOST, DnsType.A)]));

/** A responder on the link of a host with 10.0.0.1, and what it told. */
class Bench {
  readonly clock = new FakeClock();
  readonly lan = new MemoryLan({ clock: this.clock });
  readonly host = this.lan.host("10.0.0.1");
  readonly told: string[] = [];
  /** Further links that answer, before this one. */
  othersAnswer: readonly Link[] = [];
  isOurs = (record: DnsRecord) => OURS.has(recordKey(record));

  async open(): Promise<ResponderLink> {
    const links = selectLinks(this.host.addresses(), []);
    const [link] = links;
    const opened = await ResponderLink.open(link ?? assert.fail("no link"), {
      clock: this.clock,
      network: this.host,
      random: () => 0.5,
      common: [],
      isOurs: (record) => this.isOurs(record),
      isSelf: (_link, address) => address === "10.0.0.1",
      answering: () => [...this.othersAnswer, ...links],
      onClaim: (_link, { kind, id }) => this.told.push(`${kind} ${id}`),
      onMalformed: (_link, reason) => this.told.push(reason),
    });
    assert.ok(opened.ok);
    return opened.value;
  }

  /** What was sent since the last time, as messages. */
  sent(): DnsMessage[] {
    return this.lan.tapped.splice(0).map(({ packet }) => decoded(packet));
  }

  async close(session: ResponderLink): Promise<void> {
    const closed = session[Symbol.asyncDispose]();
    await this.clock.advance(500);
    await closed;
  }
}

Deno.test("ResponderLink sends nothing without claims, then establishes and answers for them", async () => {
  const bench = new Bench();
  const session = await bench.open();
  await bench.clock.advance(5000);
  assert.deepEqual(bench.sent(), []);
  session.setClaims(claims());
  assert.equal(session.isEstablished("host"), false);
  await bench.clock.advance(60_000);
  assert.deepEqual(bench.told, [
    "established host",
    "established stable/arm64",
  ]);
  assert.equal(session.isEstablished("host"), true);

  bench.sent();
  bench.lan.transmit(QUERY, PEER, "group");
  await bench.clock.advance(1);
  const [, answer] = bench.sent();
  assert.deepEqual(answer?.answers.map(describeRecord), [A]);
  await bench.close(session);
});

Deno.test("ResponderLink announces again when its link has changed", async () => {
  const bench = new Bench();
  const session = await bench.open();
  session.setClaims(claims());
  await bench.clock.advance(60_000);
  bench.sent();
  session.linkChanged();
  assert.equal(session.isEstablished("host"), true);
  await bench.clock.advance(1);
  assert.ok(bench.sent()[0]?.answers.map(describeRecord).includes(A));
  await bench.close(session);
});

Deno.test("ResponderLink says goodbye, then closes its socket and timer", async () => {
  const bench = new Bench();
  const session = await bench.open();
  session.setClaims(claims());
  await bench.clock.advance(60_000);
  bench.sent();
  await bench.close(session);
  const ttls = bench.sent().map(({ answers }) =>
    new Set(answers.map(({ ttlSeconds }) => ttlSeconds))
  );
  assert.deepEqual(ttls, [new Set([0]), new Set([0])]);
  assert.equal(bench.host.sockets.size, 0);
  assert.equal(bench.clock.pending, 0);
});

Deno.test("ResponderLink leaves a host that asks alone to another link in its subnet", async () => {
  const bench = new Bench();
  const session = await bench.open();
  session.setClaims(claims());
  await bench.clock.advance(60_000);
  const answered = async (port: number, address = PEER.address) => {
    bench.sent();
    bench.lan.transmit(QUERY, { address, port }, "group");
    await bench.clock.advance(150);
    return bench.sent().length > 1;
  };
  const other = (address: string, prefixLength: number): Link => ({
    ...session.link,
    interfaceName: "eth1",
    addresses: [{ interfaceName: "eth1", address, prefixLength }],
  });
  assert.equal(await answered(40_000), true);
  bench.othersAnswer = [other("10.0.0.2", 24)];
  assert.equal(await answered(40_001), false);
  assert.equal(await answered(5353), true, "asked for everybody");
  assert.equal(await answered(40_001, "10.0.0.1"), true, "this machine itself");
  bench.othersAnswer = [other("10.2.0.2", 24), other("10.3.0.1", 8)];
  assert.equal(await answered(40_002), true, "elsewhere, or in a wider subnet");
  await bench.close(session);
});

Deno.test("ResponderLink tells of packets without sense", async () => {
  const bench = new Bench();
  const session = await bench.open();
  bench.lan.transmit(new Uint8Array(5), PEER, "group");
  await bench.clock.advance(1);
  assert.deepEqual(bench.told, ["header cut short"]);
  await bench.close(session);
});

Deno.test("ResponderLink tells of a bug that a packet lays bare, and goes on", async () => {
  const bench = new Bench();
  const session = await bench.open();
  session.setClaims(claims());
  await bench.clock.advance(60_000);
  bench.isOurs = () => {
    throw new Error("bug");
  };
  const answer = responseMessage([addressRecord(HOST, "10.0.0.77")]);
  bench.lan.transmit(encodeMessage(answer), PEER, "group");
  await bench.clock.advance(1);
  assert.equal(bench.told.at(-1), "bug");
  assert.equal(session.isEstablished("host"), true);
  await bench.close(session);
});

Deno.test("ResponderLink establishes nothing that it cannot send, and says why", async () => {
  const bench = new Bench();
  const session = await bench.open();
  session.setClaims(claims());
  bench.host.isUnreachable = true;
  for (let i = 0; i < 50; i++) {
    // What comes in meanwhile must not make it go on as if it were heard.
    bench.lan.transmit(QUERY, PEER, "group");
    await bench.clock.advance(100);
  }
  assert.deepEqual(bench.told, []);
  assert.equal(session.problem(), "network unreachable");
  assert.equal(session.isEstablished("host"), false);
  await bench.close(session);
});

Deno.test("ResponderLink establishes nothing before one of its own packets has come back", async () => {
  const bench = new Bench();
  const session = await bench.open();
  bench.host.hearsItself = false;
  session.setClaims(claims());
  await bench.clock.advance(300);
  const probe = bench.lan.tapped[0]?.packet ?? assert.fail("nothing sent");
  await bench.clock.advance(10_000);
  // Another responder of this host, and somebody who repeats what we said.
  bench.lan.transmit(QUERY, { address: "10.0.0.1", port: 5353 }, "group");
  bench.lan.transmit(probe, PEER, "group");
  await bench.clock.advance(1);
  assert.deepEqual(bench.told, []);
  assert.equal(session.isEstablished("host"), false);
  assert.match(session.doubt ?? "", /^does not hear itself/);

  bench.host.hearsItself = true;
  bench.sent();
  bench.lan.transmit(QUERY, PEER, "group");
  await bench.clock.advance(1000);
  assert.ok(bench.sent().length > 1, "answered meanwhile");
  assert.deepEqual(bench.told, [
    "established host",
    "established stable/arm64",
  ]);
  assert.equal(session.isEstablished("host"), true);
  assert.equal(session.doubt, undefined);
  await bench.close(session);
});

Deno.test("ResponderLink announces ever more seldom while nothing comes back, though nobody asks", async () => {
  const bench = new Bench();
  const session = await bench.open();
  bench.host.hearsItself = false;
  session.setClaims(claims());
  await bench.clock.advance(600_000);
  const sent = bench.sent().length;
  assert.ok(sent > 20 && sent < 50, `${sent} packets in ten minutes`);
  bench.host.hearsItself = true;
  await bench.clock.advance(60_000);
  assert.equal(session.isEstablished("host"), true);
  bench.sent();
  await bench.clock.advance(600_000);
  assert.ok(bench.sent().length <= 2, "and no more, once it has");
  await bench.close(session);
});

Deno.test("ResponderLink hears itself by the first of 10,000 packets that it sent before it looked", async () => {
  const bench = new Bench();
  const session = await bench.open();
  bench.host.hearsItself = false;
  const text = "x".repeat(255);
  session.setClaims(
    new Map([
      ["host", hostClaim(HOST, ["10.0.0.1"])],
      ...Array.from({ length: 5000 }, (_, i): [string, Claim] => [
        `c${i}/arm64`,
        serviceClaim({
          instance: `i${i}.${SERVICE}`,
          listedUnder: [SERVICE],
          host: HOST,
          port: 8080,
          txt: Array.from({ length: 4 }, () => new TextEncoder().encode(text)),
        }),
      ]),
    ]),
  );
  await bench.clock.advance(2000);
  const [first] = bench.lan.tapped;
  assert.ok(bench.lan.tapped.length > 10_000 && first !== undefined);
  assert.equal(session.isEstablished("host"), false);
  bench.lan.transmit(
    first.packet,
    { address: "10.0.0.1", port: 5353 },
    "group",
  );
  bench.host.hearsItself = true;
  bench.lan.transmit(
    first.packet,
    { address: "10.0.0.1", port: 5353 },
    "group",
  );
  await bench.clock.advance(1);
  assert.equal(session.isEstablished("host"), true);
  await bench.close(session);
});

Deno.test("ResponderLink says that its interface was re-created", async () => {
  const bench = new Bench();
  const session = await bench.open();
  assert.equal(session.problem(), undefined);
  bench.host.unplug();
  bench.host.plug(bench.lan, "10.0.0.1");
  assert.equal(session.problem(), "interface was re-created");
  await bench.close(session);
});
