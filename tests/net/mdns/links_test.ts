import assert from "node:assert/strict";
import { ok, refuse } from "../../../lib/core/result.ts";
import type { Link } from "../../../lib/net/interfaces.ts";
import {
  describeLink,
  type LinkSession,
  MdnsLinks,
} from "../../../lib/net/mdns/links.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { MemoryLan } from "../../support/memory_lan.ts";

/** Links of a host with `10.0.0.1`, looked at each second, and their story. */
class Bench {
  readonly clock = new FakeClock();
  readonly lan = new MemoryLan({ clock: this.clock });
  readonly host = this.lan.host("10.0.0.1");
  readonly story: string[] = [];
  /** Why no session can be opened. */
  trouble: string | undefined;
  /** Why those that are open must be opened anew. */
  problem: string | undefined;
  readonly links = new MdnsLinks<LinkSession>({
    clock: this.clock,
    network: this.host,
    interfaces: [],
    pollIntervalMs: 1000,
    open: (link) => {
      if (this.trouble !== undefined) {
        return Promise.resolve(refuse(this.trouble));
      }
      this.#note("opened", link);
      return Promise.resolve(ok(this.#session(link)));
    },
    onProblem: ({ link, problem }) => this.#note(problem, link),
    onGone: (link) => this.#note("gone", link),
    onRefreshed: () => {},
  });

  /** What happened since the last time. */
  news(): string[] {
    return this.story.splice(0);
  }

  #session(link: Link): LinkSession {
    return {
      link,
      problem: () => this.problem,
      linkChanged: () => this.#note("changed", link),
      [Symbol.asyncDispose]: () => {
        this.#note("closed", link);
        return Promise.resolve();
      },
    };
  }

  #note(what: string, link: Link): void {
    this.story.push(`${describeLink(link)} ${what}`);
  }
}

Deno.test("MdnsLinks opens a session for each link, and closes all at its end", async () => {
  const bench = new Bench();
  bench.host.plug(bench.lan, "fd77::1");
  await bench.links.start();
  assert.deepEqual(bench.news(), [
    "eth0 10.0.0.1 opened",
    "eth0 fd77::1 opened",
  ]);
  await bench.clock.advance(5000);
  assert.deepEqual(bench.news(), [], "nothing changed");
  await bench.links[Symbol.asyncDispose]();
  assert.deepEqual(bench.news(), [
    "eth0 10.0.0.1 closed",
    "eth0 fd77::1 closed",
  ]);
  assert.equal(bench.clock.pending, 0);
});

Deno.test("MdnsLinks follows interfaces that go, come and change their address", async () => {
  const bench = new Bench();
  await bench.links.start();
  bench.news();
  bench.host.unplug();
  bench.host.plug(bench.lan, "10.0.0.2");
  await bench.clock.advance(1000);
  assert.deepEqual(bench.news(), [
    "eth0 10.0.0.1 closed",
    "eth0 10.0.0.2 opened",
  ]);
  bench.host.unplug();
  await bench.clock.advance(1000);
  assert.deepEqual(bench.news(), [
    "eth0 10.0.0.2 closed",
    "eth0 10.0.0.2 gone",
  ]);
  await bench.links[Symbol.asyncDispose]();
});

Deno.test("MdnsLinks tells a session of an address that came to its interface, such as with the carrier", async () => {
  const bench = new Bench();
  const linkLocal = {
    lan: bench.lan,
    interfaceName: "eth0",
    address: "fe80::1",
    prefixLength: 64,
  };
  await bench.links.start();
  bench.news();
  const [own] = bench.host.interfaces;
  assert.ok(own !== undefined);
  bench.host.interfaces = [own, { ...linkLocal, interfaceName: "eth1" }];
  await bench.clock.advance(1000);
  assert.deepEqual(bench.news(), [], "another interface");
  bench.host.interfaces = [own, linkLocal];
  await bench.clock.advance(3000);
  assert.deepEqual(bench.news(), ["eth0 10.0.0.1 changed"]);
  bench.host.interfaces = [own];
  await bench.clock.advance(1000);
  assert.deepEqual(bench.news(), [], "one that went");
  bench.host.interfaces = [own, linkLocal];
  await bench.clock.advance(1000);
  assert.deepEqual(bench.news(), ["eth0 10.0.0.1 changed"]);
  await bench.links[Symbol.asyncDispose]();
});

Deno.test("MdnsLinks tells why a link cannot be opened once for each reason, and tries again", async () => {
  const bench = new Bench();
  bench.trouble = "in use";
  await bench.links.start();
  await bench.clock.advance(3000);
  bench.trouble = "not permitted";
  await bench.clock.advance(3000);
  assert.deepEqual(bench.news(), [
    "eth0 10.0.0.1 in use",
    "eth0 10.0.0.1 not permitted",
  ]);
  assert.equal(bench.links.problems()[0]?.problem, "not permitted");
  bench.trouble = undefined;
  await bench.clock.advance(1000);
  assert.deepEqual(bench.news(), ["eth0 10.0.0.1 opened"]);
  assert.equal(bench.links.problems().length, 1, "it has not worked yet");
  await bench.clock.advance(1000);
  assert.deepEqual(bench.links.problems(), []);
  await bench.links[Symbol.asyncDispose]();
});

Deno.test("MdnsLinks opens a session anew that does not work any more", async () => {
  const bench = new Bench();
  await bench.links.start();
  bench.news();
  bench.problem = "network unreachable";
  await bench.clock.advance(1000);
  bench.problem = undefined;
  assert.deepEqual(bench.news(), [
    "eth0 10.0.0.1 closed",
    "eth0 10.0.0.1 network unreachable",
    "eth0 10.0.0.1 opened",
  ]);
  assert.equal(bench.links.sessions().length, 1);
  await bench.links[Symbol.asyncDispose]();
});
