import assert from "node:assert/strict";
import {
  type DnsRecord,
  DnsType,
  queryMessage,
  responseMessage,
} from "../../../lib/net/dns/message.ts";
import { serviceClaim } from "../../../lib/net/mdns/service_claim.ts";
import { question } from "../../support/mdns_messages.ts";
import {
  A,
  Bench,
  claims,
  describe,
  established,
  HOST,
  INSTANCE,
  instanceClaim,
  LEGACY,
  META,
  NSEC,
  PTR,
  SERVICE,
  SRV,
  SUB,
  SUBTYPE,
  TXT,
} from "../../support/responder_bench.ts";

Deno.test("MdnsResponder answers nothing before its claims are established", () => {
  const bench = new Bench().claim(claims()).pass(700).quiet();
  const query = queryMessage([question(HOST, DnsType.A)]);
  bench.hear(query).hear(query, LEGACY).pass(50);
  assert.deepEqual(bench.answers(), []);
});

Deno.test("MdnsResponder answers for shared records after 20 to 120 ms, with what is asked next", () => {
  const bench = established();
  bench.hear(queryMessage([question(SUBTYPE, DnsType.PTR)])).pass(200);
  assert.deepEqual(bench.answers(60_000), [`70 all: ${SUB}`]);
  const additionals = bench.sent.flatMap(({ message }) => message.additionals);
  assert.deepEqual(describe(additionals), [SRV, TXT, A, NSEC]);
});

Deno.test("MdnsResponder answers for records of its own at once", () => {
  const bench = established();
  bench.hear(queryMessage([question(INSTANCE, DnsType.SRV)]));
  assert.deepEqual(bench.answers(60_000), [`0 all: ${SRV}`]);
});

Deno.test("MdnsResponder takes names in any case of letters", () => {
  const bench = established();
  bench.hear(queryMessage([question(HOST.toUpperCase(), DnsType.A)]));
  assert.deepEqual(bench.answers(60_000), [`0 all: ${A}`]);
});

Deno.test("MdnsResponder says with NSEC that there is no IPv6 address", () => {
  const bench = established();
  bench.hear(queryMessage([question(HOST, DnsType.AAAA)]));
  assert.deepEqual(bench.answers(60_000), [`0 all: ${NSEC}`]);
});

Deno.test("MdnsResponder answers the meta-query", () => {
  const bench = established();
  const meta = question("_services._dns-sd._udp.local", DnsType.PTR);
  bench.hear(queryMessage([meta])).pass(200);
  assert.deepEqual(bench.answers(60_000), [`70 all: ${META}`]);
});

Deno.test("MdnsResponder says nothing about names of others", () => {
  const bench = established();
  bench.hear(queryMessage([
    question("_ipp._tcp.local", DnsType.PTR),
    question("other.local", DnsType.A),
    question(`_other-arm64._sub.${SERVICE}`, DnsType.PTR),
  ])).pass(5000);
  assert.deepEqual(bench.sent, []);
});

/** The answer to a service query with a known answer of that TTL. */
function answersKnowing(ttlSeconds: number): string[] {
  const bench = established();
  const known: DnsRecord = {
    name: SERVICE.toUpperCase(),
    type: DnsType.PTR,
    ttlSeconds,
    cacheFlush: false,
    target: INSTANCE,
  };
  bench.hear(
    queryMessage([question(SERVICE, DnsType.PTR)], { answers: [known] }),
  ).pass(200);
  return bench.answers(60_000);
}

Deno.test("MdnsResponder leaves out an answer that is known for half its time", () => {
  assert.deepEqual(answersKnowing(2250), []);
});

Deno.test("MdnsResponder repeats an answer that is known for less than half its time", () => {
  assert.deepEqual(answersKnowing(2249), [`70 all: ${PTR}`]);
});

Deno.test("MdnsResponder waits for the known answers that follow a truncated query", () => {
  const bench = established();
  const query = queryMessage([question(SERVICE, DnsType.PTR)], {
    truncated: true,
  });
  bench.hear(query).pass(300);
  assert.deepEqual(bench.sent, []);
  bench.hear(queryMessage([], {
    answers: [{
      name: SERVICE,
      type: DnsType.PTR,
      ttlSeconds: 4500,
      cacheFlush: false,
      target: INSTANCE,
    }],
  })).pass(1000);
  assert.deepEqual(bench.sent, [], "the known answer came in time");

  bench.hear(query).pass(1000);
  assert.deepEqual(bench.answers(61_300), [`450 all: ${PTR}`]);
});

Deno.test("MdnsResponder multicasts a record once a second, and answers those who ask in between then", () => {
  const bench = established();
  const query = queryMessage([question(INSTANCE, DnsType.SRV)]);
  for (let i = 0; i < 5; i++) bench.hear(query).pass(50);
  bench.pass(5000);
  assert.deepEqual(bench.answers(60_000), [
    `0 all: ${SRV}`,
    `1000 all: ${SRV}`,
  ]);
});

Deno.test("MdnsResponder does not repeat what another host just answered", () => {
  const bench = established();
  bench.hear(queryMessage([question(SERVICE, DnsType.PTR)])).pass(30);
  bench.hear(responseMessage([{
    name: SERVICE,
    type: DnsType.PTR,
    ttlSeconds: 4500,
    cacheFlush: false,
    target: INSTANCE,
  }])).pass(5000);
  assert.deepEqual(bench.sent, []);
});

Deno.test("MdnsResponder answers a QU question by unicast, and by multicast when it last did so a quarter TTL ago", () => {
  const bench = established();
  const query = queryMessage([
    question(HOST, DnsType.A, { unicastResponse: true }),
  ]);
  bench.hear(query).pass(200);
  assert.deepEqual(bench.answers(60_000), [
    `0 10.0.0.9: ${A}`,
    `0 all: ${A}`,
  ]);
  bench.quiet().hear(query).pass(200);
  assert.deepEqual(bench.answers(60_200), [`0 10.0.0.9: ${A}`]);
});

Deno.test("MdnsResponder answers a QU question from beyond the link by multicast only", () => {
  const bench = established();
  bench.hear(
    queryMessage([question(HOST, DnsType.A, { unicastResponse: true })]),
    { address: "192.0.2.1", port: 5353 },
  ).pass(200);
  assert.deepEqual(bench.answers(60_000), [`0 all: ${A}`]);
});

Deno.test("MdnsResponder answers a legacy query by unicast: id and question echoed, TTL 10, no cache-flush", () => {
  const bench = established();
  const asked = question(SUBTYPE, DnsType.PTR);
  bench.hear(queryMessage([asked], { id: 4711 }), LEGACY).pass(5000);
  const [{ atMs, to, message }, ...rest] = [
    bench.sent[0] ?? assert.fail("no answer"),
    ...bench.sent.slice(1),
  ];
  assert.deepEqual(rest, []);
  assert.deepEqual([atMs, to, message.id], [60_000, "10.0.0.9", 4711]);
  assert.deepEqual(message.questions, [asked]);
  const legacy = (text: string) => text.replace(/ \d+( flush)?$/, " 10");
  assert.deepEqual(describe(message.answers), [legacy(SUB)]);
  assert.deepEqual(
    describe(message.additionals),
    [SRV, TXT, A, NSEC].map(legacy),
  );
});

Deno.test("MdnsResponder answers a legacy query for all of 300 images with a hundred, what is asked for first among them, and everybody with all", () => {
  const many = new Map(claims());
  for (let i = 0; i < 300; i++) {
    const instance = `phase-${i}.${SERVICE}`;
    many.set(
      `${i}`,
      serviceClaim({
        ...{ instance, host: HOST },
        ...{ listedUnder: [SERVICE], port: 1, txt: [] },
      }),
    );
  }
  many.delete("stable/arm64");
  many.set("stable/arm64", instanceClaim({}));
  const bench = new Bench().claim(many).pass(60_000).quiet();
  const asked = [
    question(SUBTYPE, DnsType.PTR),
    question(SERVICE, DnsType.PTR),
  ];
  bench.hear(queryMessage(asked), LEGACY).pass(5000);
  const answers = bench.answers(60_000);
  assert.equal(answers.length, 100);
  assert.equal(answers[0], `0 10.0.0.9: ${SUB.replace("4500", "10")}`);
  bench.quiet().hear(queryMessage(asked)).pass(5000);
  assert.equal(bench.answers().length, 302);
});

Deno.test("MdnsResponder does not repeat questions that fill a packet for a legacy query", () => {
  const bench = established();
  const asked = Array.from(
    { length: 1400 },
    () => question(SUBTYPE, DnsType.PTR),
  );
  bench.hear(queryMessage(asked, { id: 1 }), LEGACY).pass(5000);
  assert.deepEqual(bench.sent, []);
  bench.hear(queryMessage(asked.slice(0, 8), { id: 1 }), LEGACY);
  assert.equal(bench.sent.length, 1);
});

Deno.test("MdnsResponder tells nothing to a legacy query from beyond the link", () => {
  const bench = established();
  bench.hear(queryMessage([question(SUBTYPE, DnsType.PTR)], { id: 1 }), {
    address: "192.0.2.1",
    port: 40_000,
  }).pass(5000);
  assert.deepEqual(bench.sent, []);
});

Deno.test("MdnsResponder says again what another responder took leave of", () => {
  const bench = established();
  bench.hear(responseMessage([{
    name: SERVICE,
    type: DnsType.PTR,
    ttlSeconds: 0,
    cacheFlush: false,
    target: INSTANCE,
  }])).pass(1000);
  assert.deepEqual(bench.answers(60_000), [`70 all: ${PTR}`]);
});

Deno.test("MdnsResponder does not take the echo of its own answer for that of another host", () => {
  const bench = established();
  const query = queryMessage([question(SUBTYPE, DnsType.PTR)]);
  bench.hear(query).pass(100).hear(query);
  const echo = responseMessage([{
    name: SUBTYPE,
    type: DnsType.PTR,
    ttlSeconds: 4500,
    cacheFlush: false,
    target: INSTANCE,
  }]);
  bench.hear(echo, { address: "10.0.0.1", port: 5353 }).pass(2000);
  assert.deepEqual(bench.answers(60_000), [
    `70 all: ${SUB}`,
    `1070 all: ${SUB}`,
  ]);
});

Deno.test("MdnsResponder answers within 2 s a truncated query that never ends", () => {
  const bench = established();
  const query = queryMessage([question(SUBTYPE, DnsType.PTR)], {
    truncated: true,
  });
  for (let i = 0; i < 10; i++) bench.hear(query).pass(300);
  assert.equal(bench.answers(60_000)[0], `2000 all: ${SUB}`);
});
