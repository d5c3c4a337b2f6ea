import assert from "node:assert/strict";
import {
  type InterfaceAddress,
  selectLinks,
} from "../../../lib/net/interfaces.ts";
import { GroupDispatch } from "../../../lib/net/mdns/group_dispatch.ts";

function at(interfaceName: string, address: string): InterfaceAddress {
  return { interfaceName, address, prefixLength: 24 };
}

const MACHINE = [
  at("eth0", "10.0.0.1"),
  at("eth1", "10.1.0.1"),
  at("eth2", "10.1.0.2"),
  at("docker0", "172.17.0.1"),
];

/** A listener on each link that is used, and what they hear. */
class Bench {
  readonly dispatch = new GroupDispatch();
  readonly listeners = selectLinks(MACHINE, []).map((link) => ({
    link,
    onPacket: () => this.#heard.push(link.interfaceName),
  }));
  #heard: string[] = [];

  constructor() {
    this.dispatch.setAddresses(MACHINE);
    for (const listener of this.listeners) this.dispatch.add(listener);
  }

  /** Over which links a packet came. */
  over(
    address: string,
    { port = 5353, bytes = [1], atMs = 0 } = {},
  ): string[] {
    const packet = Uint8Array.from(bytes);
    this.dispatch.receive(packet, { address, port }, atMs);
    return this.#heard.splice(0);
  }
}

Deno.test("GroupDispatch hands a packet to the links in the subnet of its source", () => {
  const bench = new Bench();
  assert.deepEqual(bench.over("10.0.0.9"), ["eth0"]);
  assert.deepEqual(bench.over("10.1.0.9"), ["eth1", "eth2"]);
  assert.deepEqual(bench.over("10.1.0.2"), ["eth2"], "its own");
  assert.deepEqual(bench.over("172.17.0.9"), [], "of an interface not in use");
  assert.deepEqual(bench.over("192.0.2.1"), ["eth0", "eth1", "eth2"]);
});

Deno.test("GroupDispatch hands on one of the copies that come over several interfaces", () => {
  const bench = new Bench();
  const heard = [
    {},
    {},
    { atMs: 99 },
    { bytes: [2] },
    { port: 40_000 },
    { atMs: 100 },
  ].map((options) => bench.over("10.0.0.9", options).length);
  assert.deepEqual(heard, [1, 0, 0, 1, 1, 1]);
  assert.equal(bench.over("10.0.0.8").length, 1, "another's");
});

Deno.test("GroupDispatch follows links and addresses that come and go", () => {
  const bench = new Bench();
  const heard = (n: number) => bench.over("10.1.0.9", { bytes: [n] });
  assert.deepEqual(heard(1), ["eth1", "eth2"]);
  const [, listener = assert.fail()] = bench.listeners;
  bench.dispatch.delete(listener);
  assert.deepEqual(heard(2), ["eth2"]);
  bench.dispatch.add(listener);
  assert.deepEqual(heard(3), ["eth2", "eth1"]);
  bench.dispatch.setAddresses([at("eth0", "10.1.0.7")]);
  assert.deepEqual(heard(4), ["eth0"]);
});
