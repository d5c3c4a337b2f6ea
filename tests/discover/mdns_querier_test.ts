import assert from "node:assert/strict";
import {
  MdnsQuerier,
  type QuerierAction,
} from "../../lib/discover/mdns_querier.ts";
import {
  type DnsMessage,
  type DnsRecord,
  DnsType,
  responseMessage,
} from "../../lib/net/dns/message.ts";
import type { Endpoint } from "../../lib/net/mdns/socket.ts";
import { serviceClaim } from "../../lib/net/mdns/service_claim.ts";
import { subtypeName } from "../../lib/wire/dns_sd_names.ts";
import { decoded, describeRecord } from "../support/mdns_messages.ts";
import { imageOf } from "../support/sample_images.ts";

const SERVICE = "_phase-image._tcp.local";
const SUBTYPE = `_stable-arm64._sub.${SERVICE}`;
const PROVIDER: Endpoint = { address: "10.0.0.1", port: 5353 };

/** The records of an image as a provider answers them. */
function recordsOf(
  image: string,
  attributes: Record<string, string> = {},
  instance = `x.${SERVICE}`,
): { shared: readonly DnsRecord[]; unique: readonly DnsRecord[] } {
  const { channel, arch } = imageOf(image);
  const all = {
    channel,
    arch,
    manifest: "http://10.0.0.1:8080/m.json",
    version: "1",
    ...attributes,
  };
  return serviceClaim({
    instance,
    listedUnder: [SERVICE, subtypeName(imageOf(image))],
    host: "phase-lab.local",
    port: 8080,
    txt: Object.entries(all).map(([key, value]) =>
      new TextEncoder().encode(`${key}=${value}`)
    ),
  });
}

/** A querier for stable/arm64 with its time. */
class Bench {
  nowMs = 0;
  readonly actions: string[] = [];
  readonly asked: DnsMessage[] = [];
  readonly querier = new MdnsQuerier(imageOf("stable/arm64"), {
    random: () => 0.5,
  });

  up(link = "eth0/4"): this {
    return this.#take(this.querier.linkUp(link, this.nowMs));
  }

  hear(message: DnsMessage, from = PROVIDER, link = "eth0/4"): this {
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
      case "found":
        return `found ${action.service.version} ${action.service.manifestUrl.href}`;
      case "other":
        return `other ${action.image.channel}/${action.image.arch}`;
      case "peer":
        return `peer ${action.multiaddr}`;
      case "problem":
        return `problem ${action.message}`;
    }
  }
}

const SUB = "_stable-arm64._sub.*";

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
  const { shared, unique } = recordsOf("stable/arm64");
  const bench = new Bench().up().pass(10);
  bench.hear(responseMessage([...shared, ...unique])).pass(995);
  const [, repeated] = bench.asked.filter(({ id }) => id === 0);
  assert.deepEqual(repeated?.answers.map(describeRecord), [
    `PTR ${SUBTYPE} x.${SERVICE} 4499`,
    `PTR ${SERVICE} x.${SERVICE} 4499`,
  ]);
});

Deno.test("MdnsQuerier reads answers and additionals alike", () => {
  const { shared, unique } = recordsOf("stable/arm64");
  for (
    const message of [
      responseMessage([...shared, ...unique]),
      responseMessage(shared, { additionals: unique }),
    ]
  ) {
    const bench = new Bench().up().quiet().hear(message).pass(10);
    assert.deepEqual(bench.actions, ["0 found 1 http://10.0.0.1:8080/m.json"]);
  }
});

Deno.test("MdnsQuerier tells everything once", () => {
  const { shared, unique } = recordsOf("stable/arm64", {
    p2p:
      "/ip4/10.0.0.1/tcp/1/p2p/12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5",
  });
  const others = recordsOf("testing/arm64", {}, `y.${SERVICE}`);
  const message = responseMessage([
    ...shared,
    ...unique,
    ...others.shared,
    ...others.unique,
  ]);
  const bench = new Bench().up().quiet();
  for (let i = 0; i < 3; i++) bench.hear(message).pass(10);
  assert.deepEqual(bench.actions, [
    "0 peer /ip4/10.0.0.1/tcp/1/p2p/12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5",
    "0 found 1 http://10.0.0.1:8080/m.json",
    "0 other testing/arm64",
  ]);
});

Deno.test("MdnsQuerier goes by the TXT record, not by the instance's name", () => {
  const { shared, unique } = recordsOf("stable/arm64", { channel: "testing" });
  const bench = new Bench().up().quiet();
  bench.hear(responseMessage([...shared, ...unique])).pass(10);
  assert.deepEqual(bench.actions, ["0 other testing/arm64"]);
});

Deno.test("MdnsQuerier asks once for what is missing of an instance", () => {
  const { shared, unique } = recordsOf("stable/arm64");
  const bench = new Bench().up().quiet();
  bench.hear(responseMessage(shared)).hear(responseMessage(shared));
  assert.deepEqual(bench.actions, [
    `0 ask eth0/4 ephemeral: x.${SERVICE} 16, x.${SERVICE} 33`,
  ]);
  bench.quiet().hear(responseMessage(unique)).pass(10);
  assert.deepEqual(bench.actions, ["0 found 1 http://10.0.0.1:8080/m.json"]);
});

Deno.test("MdnsQuerier asks back no more than a few times, however many instances a peer invents", () => {
  const bench = new Bench().up().quiet();
  for (let i = 0; i < 500; i++) {
    const { shared } = recordsOf("stable/arm64", {}, `x${i}.${SERVICE}`);
    bench.hear(responseMessage(shared));
  }
  assert.equal(bench.actions.length, 50);
});

Deno.test("MdnsQuerier ignores queries, and responses from another port than 5353", () => {
  const { shared, unique } = recordsOf("stable/arm64");
  const message = responseMessage([...shared, ...unique]);
  const bench = new Bench().up().quiet();
  bench.hear(message, { address: "10.0.0.1", port: 40_000 });
  bench.hear({ ...message, isResponse: false });
  bench.hear(message, PROVIDER, "eth9/4").pass(10);
  assert.deepEqual(bench.actions, []);
});

Deno.test("MdnsQuerier tells what it cannot use, escaped and no more than 20 times", () => {
  const bench = new Bench().up().quiet();
  for (let i = 0; i < 30; i++) {
    const { unique } = recordsOf(
      "stable/arm64",
      { manifest: "\u001b[31m" },
      `x\\027${i}.${SERVICE}`,
    );
    bench.hear(responseMessage(unique));
  }
  assert.equal(bench.actions.length, 20);
  assert.equal(
    bench.actions[0],
    `0 problem mdns x\\0270.${SERVICE}: manifest "?[31m" is no URL`,
  );
});

Deno.test("MdnsQuerier tells of a provider however much another host floods", () => {
  const bench = new Bench().up().quiet();
  for (let i = 0; i < 5000; i++) {
    const { unique } = recordsOf(
      i % 2 === 0 ? "stable/arm64" : `c${i}/arm64`,
      { manifest: `http://10.0.0.66/${i}` },
      `x${i}.${SERVICE}`,
    );
    bench.hear(responseMessage(unique), { address: "10.0.0.66", port: 5353 });
  }
  bench.pass(100);
  assert.equal(bench.actions.length, 101, "and the second round of questions");
  const { shared, unique } = recordsOf("stable/arm64");
  bench.quiet().hear(responseMessage([...shared, ...unique])).pass(10);
  assert.deepEqual(bench.actions, ["100 found 1 http://10.0.0.1:8080/m.json"]);
});
