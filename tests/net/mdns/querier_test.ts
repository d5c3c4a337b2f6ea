import assert from "node:assert/strict";
import {
  type DnsMessage,
  type DnsRecord,
  DnsType,
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

  constructor(service = SERVICE) {
    this.querier = new MdnsQuerier({
      service,
      subtype: SUBTYPE,
      random: () => 0.5,
    });
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
      this.actions.push(`${this.nowMs} ${this.#describe(action)}`);
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

Deno.test("MdnsQuerier asks at once from a port of its own, then with growing intervals", () => {
  const bench = new Bench().up().pass(40_000);
  assert.deepEqual(bench.actions, [
    `0 ask eth0/4 ephemeral: ${SUB}`,
    `60 ask eth0/4 group: ${SUB}`,
    "500 ask eth0/4 ephemeral: *",
    ...[1000, 3000, 7000, 15_000, 31_000].flatMap((ms) => [
      `${ms} ask eth0/4 group: ${SUB}, *`,
      `${ms} ask eth0/4 ephemeral: ${SUB}, *`,
    ]),
  ]);
  assert.ok(
    bench.asked.every((m) => m.questions.every((q) => !q.unicastResponse)),
  );
});

Deno.test("MdnsQuerier asks at once on a link that comes up later, and on all soon after", () => {
  const bench = new Bench().up().pass(20_000).quiet().up("wlan0/4").pass(100);
  assert.deepEqual(bench.actions, [
    `20000 ask wlan0/4 ephemeral: ${SUB}`,
    `20060 ask eth0/4 group: ${SUB}`,
    `20060 ask wlan0/4 group: ${SUB}`,
  ]);
});

Deno.test("MdnsQuerier says in repeated queries what it knows", () => {
  const { shared, unique } = recordsOf();
  const bench = new Bench().up().pass(10);
  bench.hear(responseMessage([...shared, ...unique])).pass(995);
  const [, repeated] = bench.asked.filter(({ id }) => id === 0);
  assert.deepEqual(repeated?.answers.map(describeRecord), [
    `PTR ${SUBTYPE} x.${SERVICE} 4499`,
    `PTR ${SERVICE} x.${SERVICE} 4499`,
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

  const capitals = new Bench(SERVICE.toUpperCase()).up().quiet();
  capitals.hear(responseMessage([...shared, ...unique]));
  assert.deepEqual(capitals.actions, [`0 ${HEARD}`]);
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
