import assert from "node:assert/strict";
import {
  type DnsMessage,
  type DnsRecord,
  DnsType,
  queryMessage,
  responseMessage,
} from "../../../lib/net/dns/message.ts";
import {
  MdnsQuerier,
  type QuerierAction,
} from "../../../lib/net/mdns/querier.ts";
import {
  hostClaim,
  serviceClaim,
} from "../../../lib/net/mdns/service_claim.ts";
import type { Endpoint } from "../../../lib/net/mdns/socket.ts";
import {
  addressRecord,
  decoded,
  describeRecord,
  question,
} from "../../support/mdns_messages.ts";

const SERVICE = "_printer._tcp.local";
const SUBTYPE = `_colour._sub.${SERVICE}`;
const PEER: Endpoint = { address: "10.0.0.1", port: 5353 };

/** The records of an instance as a responder answers them. */
function recordsOf(
  instance = "x",
  service = SERVICE,
): { shared: readonly DnsRecord[]; unique: readonly DnsRecord[] } {
  return serviceClaim({
    instance: `${instance}.${service}`,
    listedUnder: [service, SUBTYPE],
    host: "lab.local",
    port: 8080,
    txt: [new TextEncoder().encode("a=b")],
  });
}

/** A querier with its time, and what it asked and learned as text. */
class Bench {
  nowMs = 0;
  readonly actions: string[] = [];
  readonly asked: DnsMessage[] = [];
  readonly querier: MdnsQuerier;

  constructor(
    { service = SERVICE, deadlineMs = Infinity, random = (): number => 0.5 } =
      {},
  ) {
    this.querier = new MdnsQuerier({
      service,
      subtype: SUBTYPE,
      deadlineMs,
      random,
    });
  }

  /** When something was asked from a port of its own, or from the group's. */
  times(socket: "ephemeral" | "group"): number[] {
    return this.actions.filter((action) => action.includes(` ${socket}: `))
      .map((action) => parseInt(action));
  }

  up(link = "eth0/4"): this {
    return this.#take(this.querier.linkUp(link, this.nowMs));
  }

  hear(message: DnsMessage, from = PEER, link = "eth0/4"): this {
    return this.#take(this.querier.receive(link, message, from, this.nowMs));
  }

  pass(durationMs: number): this {
    const endMs = this.nowMs + durationMs;
    while (this.querier.nextDueMs() <= endMs) {
      this.nowMs = Math.max(this.nowMs, this.querier.nextDueMs());
      this.#take(this.querier.tick(this.nowMs));
    }
    this.nowMs = endMs;
    return this;
  }

  quiet(): this {
    this.actions.length = 0;
    this.asked.length = 0;
    return this;
  }

  #take(actions: readonly QuerierAction[]): this {
    for (const action of actions) {
      this.actions.push(`${Math.floor(this.nowMs)} ${this.#describe(action)}`);
    }
    return this;
  }

  #describe(action: QuerierAction): string {
    switch (action.kind) {
      case "ask": {
        const message = decoded(action.packet);
        this.asked.push(message);
        const names = message.questions.map(({ name, type }) =>
          type === DnsType.PTR ? name.replace(SERVICE, "*") : `${name} ${type}`
        );
        return `ask ${action.link} ${action.socket}: ${names.join(", ")}`;
      }
      case "instance": {
        const { txt, host, port, addresses, source } = action.records;
        const service = host === undefined ? undefined : `${host}:${port}`;
        const text = txt.map((bytes) => new TextDecoder().decode(bytes));
        return [action.instance, ...text, service, ...addresses, `by ${source}`]
          .filter((word) => word !== undefined).join(" ");
      }
    }
  }
}

const SUB = "_colour._sub.*";
const HEARD = `x.${SERVICE} a=b lab.local:8080 by 10.0.0.1`;

Deno.test("MdnsQuerier asks at once from a port of its own, then all four seconds", () => {
  const bench = new Bench().up().pass(24_000);
  const direct = bench.actions.filter((a) => a.includes("ephemeral"));
  assert.deepEqual(direct, [
    `0 ask eth0/4 ephemeral: ${SUB}`,
    "500 ask eth0/4 ephemeral: *",
    ...[1000, 3000, 7000, 11_000, 15_000, 19_000, 23_000].map((ms) =>
      `${ms} ask eth0/4 ephemeral: ${SUB}, *`
    ),
  ]);
  assert.ok(
    bench.asked.every((m) => m.questions.every((q) => !q.unicastResponse)),
  );
});

Deno.test("MdnsQuerier asks from port 5353 soon after, then at intervals that double", () => {
  const bench = new Bench().up().pass(40_000);
  const group = bench.actions.filter((a) => a.includes("group"));
  assert.deepEqual(group, [
    `70 ask eth0/4 group: ${SUB}`,
    ...[1195, 3445, 7945, 16_945, 34_945].map((ms) =>
      `${ms} ask eth0/4 group: ${SUB}, *`
    ),
  ]);
});

Deno.test("MdnsQuerier does not stay in step with others that started with it", () => {
  const [first, second] = [0, 0.99].map((random) =>
    new Bench({ random: () => random }).up().pass(30_000)
  );
  assert.deepEqual([first?.times("group"), second?.times("group")], [
    [20, 1020, 3020, 7020, 15_020],
    [119, 1366.5, 3861.5, 8851.5, 18_831.5].map(Math.floor),
  ]);
  for (const bench of [first, second]) {
    const direct = bench?.times("ephemeral") ?? [];
    const steps = direct.slice(5).map((ms, i) => ms - (direct[i + 4] ?? 0));
    assert.ok(steps.every((ms) => ms >= 3500 && ms < 4500), `${steps}`);
  }
  assert.notDeepEqual(first?.times("ephemeral"), second?.times("ephemeral"));
});

Deno.test("MdnsQuerier asks once more just before the deadline", () => {
  const bench = new Bench({ deadlineMs: 10_000 }).up().pass(10_000);
  assert.deepEqual(bench.times("ephemeral"), [0, 500, 1000, 3000, 7000, 9000]);
  const short = new Bench({ deadlineMs: 600 }).up().pass(600);
  assert.deepEqual(short.times("ephemeral"), [0, 500]);
});

/** What goes out at 3445 ms when another host asked that shortly before. */
function askedAfter(
  others: DnsMessage,
  { atMs = 3000, from = PEER, knows = false } = {},
): string[] {
  const { shared, unique } = recordsOf();
  const bench = new Bench().up().pass(10);
  if (knows) bench.hear(responseMessage([...shared, ...unique]));
  bench.pass(atMs - 10).hear(others, from).quiet().pass(3500 - atMs);
  return bench.actions.filter((action) => action.includes("group"));
}

Deno.test("MdnsQuerier does not ask everybody what another host just asked", () => {
  const pointer = (name: string) => question(name, DnsType.PTR);
  const whole = `3445 ask eth0/4 group: ${SUB}, *`;
  const known = recordsOf().shared.map((r) => ({ ...r, cacheFlush: false }));
  const both = [pointer(SUBTYPE.toUpperCase()), pointer(SERVICE)];
  assert.deepEqual(askedAfter(queryMessage(both)), []);
  assert.deepEqual(askedAfter(queryMessage([pointer(SERVICE)])), [
    `3445 ask eth0/4 group: ${SUB}`,
  ]);
  assert.deepEqual(
    askedAfter(queryMessage(both, { answers: known }), { knows: true }),
    [],
    "it knows no more than we",
  );
  const others: [string, DnsMessage, { atMs?: number; from?: Endpoint }?][] = [
    ["it knows what we do not", queryMessage(both, { answers: known })],
    ["of which more follows", queryMessage(both, { truncated: true })],
    ["long before", queryMessage(both), { atMs: 1300 }],
    ["for itself", queryMessage(both), { from: { ...PEER, port: 40_000 } }],
    [
      "to be answered alone",
      queryMessage(both.map((q) => ({ ...q, unicastResponse: true }))),
    ],
    ["something else", queryMessage([question(SERVICE, DnsType.TXT)])],
    ["of others", queryMessage([pointer("_ipp._tcp.local")])],
  ];
  for (const [what, message, options] of others) {
    assert.deepEqual(askedAfter(message, options), [whole], what);
  }
});

Deno.test("MdnsQuerier asks itself again in the round after one that another host asked", () => {
  const bench = new Bench().up().pass(3000);
  const both = [SUBTYPE, SERVICE].map((name) => question(name, DnsType.PTR));
  bench.hear(queryMessage(both)).quiet().pass(10_000);
  assert.deepEqual(bench.times("group"), [7945]);
});

Deno.test("MdnsQuerier asks at once on a link that comes up later, and on all soon after", () => {
  const bench = new Bench().up().pass(20_000).quiet().up("wlan0/4").pass(100);
  assert.deepEqual(bench.actions, [
    `20000 ask wlan0/4 ephemeral: ${SUB}`,
    `20070 ask eth0/4 group: ${SUB}`,
    `20070 ask wlan0/4 group: ${SUB}`,
  ]);
});

Deno.test("MdnsQuerier says in repeated queries what it knows", () => {
  const { shared, unique } = recordsOf();
  const bench = new Bench().up().pass(10);
  bench.hear(responseMessage([...shared, ...unique])).pass(1200);
  const [, repeated] = bench.asked.filter(({ id }) => id === 0);
  assert.deepEqual(repeated?.answers.map(describeRecord), [
    `PTR ${SUBTYPE} x.${SERVICE} 4498`,
    `PTR ${SERVICE} x.${SERVICE} 4498`,
  ]);
});

Deno.test("MdnsQuerier reads answers and additionals alike", () => {
  const { shared, unique } = recordsOf();
  for (
    const message of [
      responseMessage([...shared, ...unique]),
      responseMessage(shared, { additionals: unique }),
    ]
  ) {
    const bench = new Bench().up().quiet().hear(message).pass(10);
    assert.deepEqual(bench.actions, [`0 ${HEARD}`]);
  }
});

Deno.test("MdnsQuerier asks once for what is missing of an instance", () => {
  const { shared, unique } = recordsOf();
  const bench = new Bench().up().quiet();
  bench.hear(responseMessage(shared)).hear(responseMessage(shared));
  assert.deepEqual(bench.actions, [
    `0 ask eth0/4 ephemeral: x.${SERVICE} 16, x.${SERVICE} 33`,
  ]);
  bench.quiet().hear(responseMessage(unique)).pass(10);
  assert.deepEqual(bench.actions, [`0 ${HEARD}`]);
});

Deno.test("MdnsQuerier asks back no more than a few times, however many instances a peer invents", () => {
  const bench = new Bench().up().quiet();
  for (let i = 0; i < 500; i++) {
    const { shared } = recordsOf(`x${i}`);
    bench.hear(responseMessage(shared));
  }
  assert.equal(bench.actions.length, 50);
});

Deno.test("MdnsQuerier ignores queries, and responses from another port than 5353", () => {
  const { shared, unique } = recordsOf();
  const message = responseMessage([...shared, ...unique]);
  const bench = new Bench().up().quiet();
  bench.hear(message, { address: "10.0.0.1", port: 40_000 });
  bench.hear({ ...message, isResponse: false });
  bench.hear(message, PEER, "eth9/4").pass(10);
  assert.deepEqual(bench.actions, []);
});

Deno.test("MdnsQuerier tells of an instance each time it hears of it, with what is known of its host", () => {
  const { shared, unique } = recordsOf();
  const { unique: addresses } = hostClaim("lab.local", ["10.0.0.1", "fd77::1"]);
  const bench = new Bench().up().quiet();
  bench.hear(responseMessage([...shared, ...unique])).pass(5)
    .hear(responseMessage(shared, { additionals: addresses }));
  assert.deepEqual(bench.actions, [
    `0 ${HEARD}`,
    `5 x.${SERVICE} a=b lab.local:8080 10.0.0.1 fd77::1 by 10.0.0.1`,
  ]);
});

Deno.test("MdnsQuerier takes names in any case of letters, and no other service's", () => {
  const bench = new Bench().up().quiet();
  const { shared, unique } = recordsOf("X", SERVICE.toUpperCase());
  bench.hear(responseMessage([...shared, ...unique])).pass(5);
  const others = recordsOf("x", "_ipp._tcp.local");
  bench.hear(responseMessage([...others.shared, ...others.unique])).pass(5);
  bench.hear(responseMessage([addressRecord("lab.local", "10.0.0.1")]));
  assert.deepEqual(bench.actions, [`0 ${HEARD}`]);

  const capitals = new Bench({ service: SERVICE.toUpperCase() }).up().quiet();
  capitals.hear(responseMessage([...shared, ...unique]));
  assert.deepEqual(capitals.actions, [`0 ${HEARD}`]);
});

Deno.test("MdnsQuerier asks at once on a link that changed, and still knows what it heard there", () => {
  const { shared, unique } = recordsOf();
  const bench = new Bench().up().hear(responseMessage([...shared, ...unique]));
  bench.pass(20_000).quiet().up().hear(responseMessage(shared));
  assert.deepEqual(bench.actions, [
    `20000 ask eth0/4 ephemeral: ${SUB}`,
    `20000 ${HEARD}`,
  ]);
});

Deno.test("MdnsQuerier forgets what it heard on a link that is gone, and asks there no more", () => {
  const { shared, unique } = recordsOf();
  const bench = new Bench().up().hear(responseMessage([...shared, ...unique]));
  bench.querier.linkDown("eth0/4");
  bench.quiet().pass(3000).hear(responseMessage(shared));
  assert.deepEqual(bench.actions, []);
  bench.up().quiet().hear(responseMessage(shared));
  assert.deepEqual(bench.actions, [
    `3000 ask eth0/4 ephemeral: x.${SERVICE} 16, x.${SERVICE} 33`,
  ]);
});
