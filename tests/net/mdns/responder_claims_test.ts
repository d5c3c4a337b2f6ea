import assert from "node:assert/strict";
import {
  DnsType,
  queryMessage,
  responseMessage,
} from "../../../lib/net/dns/message.ts";
import { hostClaim } from "../../../lib/net/mdns/service_claim.ts";
import { addressRecord, question } from "../../support/mdns_messages.ts";
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

Deno.test("MdnsResponder probes three times, 250 ms apart, then announces three times", () => {
  const bench = new Bench().claim(claims()).pass(20_000);

  const queries = bench.sent.filter(({ message }) => !message.isResponse);
  assert.deepEqual(queries.map(({ atMs }) => atMs), [50, 300, 550]);
  for (const { message } of queries) {
    assert.deepEqual(message.questions, [
      question(HOST, DnsType.ANY),
      question(INSTANCE, DnsType.ANY),
    ]);
    const authorities = [A, SRV, TXT].map((r) => r.replace(" flush", ""));
    assert.deepEqual(describe(message.authorities), authorities);
  }
  const responses = bench.sent.filter(({ message }) => message.isResponse);
  assert.deepEqual(responses.map(({ atMs }) => atMs), [800, 1800, 3800]);
  for (const { message } of responses) {
    assert.deepEqual(describe(message.answers), [META, A, PTR, SUB, SRV, TXT]);
  }
  assert.deepEqual(bench.events, [
    "800 established host",
    "800 established stable/arm64",
  ]);
});

Deno.test("MdnsResponder probes what is claimed together together", () => {
  const [host, image] = [...claims()];
  assert.ok(host && image);
  const bench = new Bench().claim(new Map([host])).pass(20)
    .claim(claims()).pass(2000);
  const queries = bench.sent.filter(({ message }) => !message.isResponse);
  assert.deepEqual(
    queries.map(({ atMs, message }) => `${atMs} ${message.questions.length}`),
    ["50 2", "300 2", "550 2"],
  );
});

Deno.test("MdnsResponder defends its names at once, and again after 250 ms", () => {
  const bench = established();
  const probe = queryMessage([question(HOST, DnsType.ANY)], {
    authorities: [addressRecord(HOST, "10.0.0.77", { cacheFlush: false })],
  });
  bench.hear(probe).pass(100).hear(probe).pass(1000);
  assert.deepEqual(bench.answers(60_000), [`0 all: ${A}`, `250 all: ${A}`]);
  assert.deepEqual(bench.events, []);
});

Deno.test("MdnsResponder probes again when another host says to have its name, and gives way when it insists", () => {
  const bench = established();
  const theirs = responseMessage([addressRecord(HOST, "10.0.0.77")]);
  bench.hear(theirs).pass(300);
  assert.deepEqual(bench.events, []);
  const probes = bench.sent.filter(({ message }) => !message.isResponse);
  assert.deepEqual(probes.map(({ message }) => message.questions), [
    [question(HOST, DnsType.ANY)],
    [question(HOST, DnsType.ANY)],
  ]);
  bench.hear(theirs);
  assert.deepEqual(bench.events, [`60300 conflict host ${HOST}`]);
});

Deno.test("MdnsResponder keeps its name when nobody insists", () => {
  const bench = established();
  bench.hear(responseMessage([addressRecord(HOST, "10.0.0.77")])).pass(2000);
  assert.deepEqual(bench.events, ["60750 established host"]);
});

Deno.test("MdnsResponder answers nobody but one-shot queries while its names are disputed, whatever becomes of them", () => {
  const bench = established();
  const disputed = responseMessage([
    addressRecord(HOST, "10.0.0.77"),
    {
      name: INSTANCE,
      type: DnsType.TXT,
      ttlSeconds: 4500,
      cacheFlush: true,
      strings: [],
    },
  ]);
  const legacy = (text: string) => text.replace(/ \d+( flush)?$/, " 10");
  const oneShotAnswer = () => {
    bench.quiet().hear(
      queryMessage([question(SUBTYPE, DnsType.PTR)], { id: 1 }),
      LEGACY,
    );
    return bench.sent.flatMap(({ to, message }) => [
      to,
      ...describe([...message.answers, ...message.additionals]),
    ]);
  };
  bench.hear(disputed);
  assert.deepEqual(
    oneShotAnswer(),
    ["10.0.0.9", ...[SUB, SRV, TXT, A, NSEC].map(legacy)],
    "while they are probed again",
  );
  const unicast = question(SUBTYPE, DnsType.PTR, { unicastResponse: true });
  bench.quiet().hear(queryMessage([unicast]))
    .hear(queryMessage([question(HOST, DnsType.A)])).pass(200);
  assert.deepEqual(bench.answers(), [], "to those who would remember it");

  bench.quiet().hear(disputed);
  assert.deepEqual(bench.events, [
    `60200 conflict host ${HOST}`,
    `60200 conflict stable/arm64 ${INSTANCE}`,
  ]);
  assert.deepEqual(oneShotAnswer(), [], "the names are others'");

  const host = "phase-lab-2.local";
  const instance = INSTANCE.replace("-lab", "-lab-2");
  bench.claim(
    new Map([
      ["host", hostClaim(host, ["10.0.0.1"])],
      ["stable/arm64", instanceClaim({ instance, host })],
    ]),
  );
  assert.deepEqual(oneShotAnswer(), [
    "10.0.0.9",
    `PTR ${SUBTYPE} ${instance} 10`,
    `SRV ${instance} ${host}:8080 10`,
    `TXT ${instance}  10`,
    `A ${host} 10.0.0.1 10`,
    `NSEC ${host} A 10`,
  ], "under the names that are probed now");
});

Deno.test("MdnsResponder takes its own packets, and goodbyes, for no conflict", () => {
  const bench = established();
  bench.hear(responseMessage([
    addressRecord(HOST, "10.0.0.1"),
    addressRecord(HOST, "10.0.0.77", { ttlSeconds: 0 }),
  ])).pass(2000);
  assert.deepEqual([bench.sent, bench.events], [[], []]);
});

Deno.test("MdnsResponder ignores responses that do not come from port 5353", () => {
  const bench = established();
  bench.hear(responseMessage([addressRecord(HOST, "10.0.0.77")]), LEGACY)
    .pass(2000);
  assert.deepEqual([bench.sent, bench.events], [[], []]);
});

Deno.test("MdnsResponder renames at once when a name it probes for is taken", () => {
  const bench = new Bench().claim(claims()).pass(200);
  bench.hear(responseMessage([addressRecord(HOST, "10.0.0.77")]));
  assert.deepEqual(bench.events, [`200 conflict host ${HOST}`]);
});

/** Another host probes for our host name with that address while we do. */
function probeAgainst(address: string): string[] {
  const bench = new Bench().claim(claims()).pass(200).quiet();
  bench.hear(queryMessage([question(HOST, DnsType.ANY)], {
    authorities: [addressRecord(HOST, address, { cacheFlush: false })],
  })).pass(5000);
  return bench.events;
}

Deno.test("MdnsResponder that wins a tie-break goes on", () => {
  assert.deepEqual(probeAgainst("9.255.255.255"), [
    "800 established host",
    "800 established stable/arm64",
  ]);
});

Deno.test("MdnsResponder that loses a tie-break waits a second and probes again", () => {
  assert.deepEqual(probeAgainst("10.0.0.2"), [
    "800 established stable/arm64",
    "1950 established host",
  ]);
});

Deno.test("MdnsResponder breaks a tie once, however often it is asked about", () => {
  const bench = new Bench().claim(claims()).pass(200).quiet();
  const probe = queryMessage(
    Array.from({ length: 700 }, () => question(HOST, DnsType.ANY)),
    {
      authorities: Array.from(
        { length: 280 },
        (_, n) => addressRecord(HOST, `10.9.${n >> 8}.${n & 255}`),
      ),
    },
  );
  const startMs = performance.now();
  bench.hear(probe);
  // A few on a machine with nothing else to do; two thousand were seen.
  assert.ok(performance.now() - startMs < 500);
  bench.pass(5000);
  assert.deepEqual(bench.events, [
    "800 established stable/arm64",
    "1950 established host",
  ]);
});

Deno.test("MdnsResponder waits 5 s between probes after 15 conflicts in 10 s", () => {
  const bench = new Bench().claim(claims());
  for (let n = 2; n < 20; n++) {
    bench.pass(200);
    bench.hear(responseMessage([
      addressRecord(n === 2 ? HOST : `phase-lab-${n - 1}.local`, "10.0.0.77"),
    ]));
    const renamed = claims();
    renamed.set("host", hostClaim(`phase-lab-${n}.local`, ["10.0.0.1"]));
    bench.claim(renamed);
  }
  const conflicts = bench.events.filter((e) => e.includes("conflict"));
  assert.equal(conflicts.length, 18, "all that were contested");
  const lastMs = bench.nowMs;
  bench.quiet().pass(4999);
  const hostProbes = bench.sent.filter(({ message }) =>
    message.questions.some((q) => q.name.startsWith("phase-lab-"))
  );
  assert.deepEqual(hostProbes, []);
  bench.pass(1);
  assert.equal(bench.sent.at(-1)?.atMs, lastMs + 5000);
});

Deno.test("MdnsResponder announces a change at once, and no more than once a second", () => {
  const bench = established();
  bench.claim(claims("txtvers=2")).pass(100).claim(claims("txtvers=3")).pass(
    900,
  );
  const changes = bench.answers(60_000).filter((a) => a.includes(" TXT "));
  assert.deepEqual(changes, [
    `0 all: TXT ${INSTANCE} txtvers=2 4500 flush`,
    `1000 all: TXT ${INSTANCE} txtvers=3 4500 flush`,
  ]);
});

Deno.test("MdnsResponder announces what is established again when told to, once a second at most, and goes on answering", () => {
  const bench = established();
  const more = claims();
  more.set("new", instanceClaim({ instance: `new.${SERVICE}` }));
  bench.claim(more).quiet();
  const say = () =>
    bench.responder.announceAgain(bench.nowMs).length > 0 ? "said" : "silent";
  assert.deepEqual([say(), say()], ["said", "silent"]);
  bench.pass(100).hear(queryMessage([question(HOST, DnsType.A)]), LEGACY);
  const answered = bench.sent.filter(({ to }) => to === "10.0.0.9");
  assert.equal(answered.length, 1, "it is not probed again");
  bench.quiet().pass(10_000);
  const hosts = bench.answers(60_000).filter((a) => a.includes(` ${A}`));
  assert.deepEqual(hosts, [
    `1000 all: ${A}`,
    `2000 all: ${A}`,
    `4000 all: ${A}`,
  ]);
});

Deno.test("MdnsResponder says goodbye twice to what is withdrawn, and keeps the rest", () => {
  const bench = established();
  const rest = claims();
  rest.delete("stable/arm64");
  bench.claim(rest).pass(1000);
  const goodbye = [PTR, SUB, SRV, TXT].map((r) =>
    r.replace(/ \d+( flush)?$/, " 0$1")
  );
  assert.deepEqual(bench.answers(60_000), [
    ...goodbye.map((r) => `0 all: ${r}`),
    ...goodbye.map((r) => `30 all: ${r}`),
  ]);
  bench.quiet().hear(queryMessage([question(HOST, DnsType.A)]));
  assert.deepEqual(bench.answers(61_000), [`0 all: ${A}`]);
});

Deno.test("MdnsResponder takes leave of a renamed instance's pointers only", () => {
  const bench = established();
  const renamed = claims();
  renamed.set(
    "stable/arm64",
    instanceClaim({ instance: INSTANCE.replace("-lab", "-lab-2") }),
  );
  bench.claim(renamed).pass(0);
  assert.deepEqual(bench.answers(60_000), [
    `0 all: PTR ${SERVICE} ${INSTANCE} 0`,
    `0 all: PTR ${SUBTYPE} ${INSTANCE} 0`,
  ]);
});

Deno.test("MdnsResponder takes no leave of what is claimed again", () => {
  const bench = established();
  const rest = claims();
  rest.delete("stable/arm64");
  bench.claim(rest).pass(10).claim(claims()).quiet().pass(100);
  assert.deepEqual(bench.answers(), []);
});

Deno.test("MdnsResponder says goodbye to nothing that was never announced", () => {
  const bench = new Bench().claim(claims()).pass(500).quiet();
  bench.claim(new Map()).pass(1000);
  assert.deepEqual(bench.sent, []);
  assert.equal(bench.responder.nextDueMs(), Infinity);
});
