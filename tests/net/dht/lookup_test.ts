import fc from "fast-check";
import assert from "node:assert/strict";
import { systemClock } from "../../../lib/core/clock.ts";
import { ok, refuse, type Result } from "../../../lib/core/result.ts";
import {
  type Ask,
  type Contact,
  type KadPeer,
  Lookup,
  lookUp,
  type LookupLimits,
  type LookupStep,
  type PeerAnswer,
} from "../../../lib/net/dht/lookup.ts";
import { FakeClock } from "../../support/fake_clock.ts";

/** Nodes that know some of the others. */
class Network {
  readonly asked: string[] = [];
  readonly dead = new Set<string>();
  readonly silent = new Set<string>();
  readonly values = new Map<string, string>();
  readonly #knows = new Map<string, string[]>();

  add(id: string, knows: string[] = []): void {
    this.#knows.set(id, knows);
  }

  readonly ask: Ask = (to, { signal }) => {
    const id = typeof to === "string" ? to.replace("/ip4/", "") : to.id;
    this.asked.push(id);
    if (this.silent.has(id)) {
      return new Promise((resolve) =>
        signal.addEventListener("abort", () => resolve(refuse("silent")))
      );
    }
    const knows = this.#knows.get(id);
    if (this.dead.has(id) || knows === undefined) {
      return Promise.resolve(refuse("dead"));
    }
    const value = this.values.get(id);
    return Promise.resolve(ok({
      from: peer(id),
      closer: knows.map(peer),
      providers: [],
      ...value !== undefined && { value: bytes(value) },
    }));
  };

  lookUp(
    seeds: Contact[],
    { limits, clock = systemClock, signal = new AbortController().signal }: {
      limits?: LookupLimits;
      clock?: FakeClock | typeof systemClock;
      signal?: AbortSignal;
    } = {},
  ): AsyncGenerator<LookupStep, void, undefined> {
    return lookUp({
      key: bytes("key"),
      seeds,
      ask: this.ask,
      self: "self",
      clock,
      signal,
      ...limits !== undefined && { limits },
    });
  }
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function peer(id: string): KadPeer {
  return { id, multihash: bytes(id), addresses: [`/ip4/${id}`] };
}

async function answers(
  steps: AsyncIterable<LookupStep>,
): Promise<string[]> {
  const ids: string[] = [];
  for await (const step of steps) {
    if (step.kind === "answer") ids.push(step.answer.from.id);
  }
  return ids;
}

Deno.test("lookUp() follows every node that is named, near or far", async () => {
  // A line: each node knows only the next, whatever their distances are.
  const network = new Network();
  for (let i = 0; i < 12; i++) network.add(`n${i}`, [`n${i + 1}`]);
  network.add("n12");
  const ids = await answers(network.lookUp([peer("n0")]));
  assert.deepEqual(ids, Array.from({ length: 13 }, (_, i) => `n${i}`));
});

Deno.test("lookUp() asks each node once and never itself", async () => {
  const network = new Network();
  const all = ["a", "b", "c", "self"];
  for (const id of all) network.add(id, all);
  await answers(network.lookUp([peer("a"), "/ip4/a", peer("b")]));
  // The address of a is asked too: that it is a's is known only afterwards.
  assert.deepEqual(network.asked.toSorted(), ["a", "a", "b", "c"]);
});

Deno.test("lookUp() yields a node reached by two addresses once", async () => {
  const network = new Network();
  network.add("a", ["b"]);
  network.add("b", ["a"]);
  assert.deepEqual(await answers(network.lookUp(["/ip4/a", peer("a")])), [
    "a",
    "b",
  ]);
});

Deno.test("lookUp() ends when the k nearest have answered", async () => {
  const network = new Network();
  const all = Array.from({ length: 60 }, (_, i) => `n${i}`);
  for (const id of all) network.add(id, all);
  const ids = await answers(
    network.lookUp([peer("n0")], { limits: { k: 5, alpha: 1 } }),
  );
  const nearest = await byDistance(all);
  assert.deepEqual(
    ids.filter((id) => id !== "n0").slice(0, 5).toSorted(),
    nearest.filter((id) => id !== "n0").slice(0, 5).toSorted(),
  );
  assert.ok(ids.length < 8, `asked ${ids.length}`);
});

Deno.test("lookUp() tells who could not be asked, and goes on", async () => {
  const network = new Network();
  network.add("a", ["b", "c"]);
  network.add("b");
  network.dead.add("b");
  network.add("c");
  const failures: string[] = [];
  for await (const step of network.lookUp([peer("a")])) {
    if (step.kind === "failure") failures.push(`${step.at}: ${step.reason}`);
  }
  assert.deepEqual(failures, ["b: dead"]);
  assert.deepEqual(network.asked.toSorted(), ["a", "b", "c"]);
});

Deno.test("lookUp() is not held up by nodes that stay silent", async () => {
  const network = new Network();
  const silent = Array.from({ length: 7 }, (_, i) => `s${i}`);
  network.add("a", [...silent, "z"]);
  for (const id of silent) network.silent.add(id);
  network.add("z");
  network.values.set("z", "found");
  const clock = new FakeClock();
  const steps = network.lookUp([peer("a")], { clock, limits: { alpha: 2 } });
  const found = (async () => {
    for await (const step of steps) {
      if (step.kind === "answer" && step.answer.value) return true;
    }
    return false;
  })();
  // Two at a time are given up as slow after a quarter of a second each.
  for (let i = 0; i < 4; i++) await clock.advance(250);
  assert.equal(await found, true);
  assert.equal(clock.pending, 0, "no timer is left");
});

Deno.test("lookUp() waits for a bounded number of nodes at once", async () => {
  const network = new Network();
  const silent = Array.from({ length: 50 }, (_, i) => `s${i}`);
  network.add("a", silent);
  for (const id of silent) network.silent.add(id);
  const clock = new FakeClock();
  const controller = new AbortController();
  const { signal } = controller;
  const limits = { alpha: 2, maxOpen: 8 };
  const ended = answers(network.lookUp([peer("a")], { clock, limits, signal }));
  await clock.advance(10_000);
  assert.equal(network.asked.length, 1 + 8);
  controller.abort();
  assert.deepEqual(await ended, ["a"]);
});

Deno.test("lookUp() asks a bounded number of nodes, whatever they invent", async () => {
  const network = new Network();
  let invented = 0;
  const ask: Ask = (to) =>
    Promise.resolve(ok({
      from: typeof to === "string" ? peer(to) : to,
      closer: Array.from({ length: 20 }, () => peer(`sybil${invented++}`)),
      providers: [],
    }));
  const ids = await answers(lookUp({
    key: bytes("key"),
    seeds: [peer("a")],
    ask,
    self: "self",
    clock: systemClock,
    signal: new AbortController().signal,
    limits: { k: 1000, maxAsked: 50 },
  }));
  assert.equal(ids.length, 50);
  assert.equal(network.asked.length, 0);
});

Deno.test("lookUp() ends when the signal aborts", async () => {
  const network = new Network();
  network.add("a", ["b"]);
  network.silent.add("b");
  const controller = new AbortController();
  const { signal } = controller;
  const ids: string[] = [];
  for await (const step of network.lookUp([peer("a")], { signal })) {
    if (step.kind === "answer") ids.push(step.answer.from.id);
    controller.abort();
  }
  assert.deepEqual(ids, ["a"]);
});

Deno.test("lookUp() gives up what it asked when its reader stops", async () => {
  const network = new Network();
  network.add("a", ["b"]);
  network.silent.add("b");
  const clock = new FakeClock();
  for await (const step of network.lookUp([peer("a")], { clock })) {
    if (step.kind === "answer") break;
  }
  await clock.advance(0);
  assert.equal(clock.pending, 0, "the silent node's timer is stopped");
});

Deno.test("lookUp() ends at once without anyone to ask", async () => {
  assert.deepEqual(await answers(new Network().lookUp([])), []);
});

Deno.test("lookUp() reaches all that can be reached, in any network of up to k nodes", async () => {
  const ids = Array.from({ length: 20 }, (_, i) => `n${i}`);
  const links = fc.array(
    fc.tuple(fc.constantFrom(...ids), fc.constantFrom(...ids)),
    { maxLength: 60 },
  );
  const dead = fc.uniqueArray(fc.constantFrom(...ids), { maxLength: 8 });
  await fc.assert(fc.asyncProperty(links, dead, async (links, dead) => {
    const network = new Network();
    const knows = (id: string) =>
      links.filter(([from]) => from === id).map(([, to]) => to);
    for (const id of ids) network.add(id, knows(id));
    for (const id of dead) network.dead.add(id);
    const reachable = new Set<string>();
    const visit = (id: string) => {
      if (reachable.has(id) || network.dead.has(id)) return;
      reachable.add(id);
      knows(id).forEach(visit);
    };
    visit("n0");
    const found = await answers(network.lookUp([peer("n0")]));
    assert.deepEqual(found.toSorted(), [...reachable].toSorted());
  }));
});

function answer(id: string, closer: string[]): Result<PeerAnswer> {
  return ok({ from: peer(id), closer: closer.map(peer), providers: [] });
}

Deno.test("Lookup never has the own node asked, though others name it", () => {
  const lookup = new Lookup({ key: bytes("key"), self: "self" });
  lookup.add(peer("self"));
  lookup.add(peer("a"));
  const a = lookup.next();
  assert.deepEqual(a, peer("a"));
  assert.equal(lookup.next(), undefined);
  lookup.took(peer("a"), answer("a", ["self", "b"]));
  const further = [lookup.next(), lookup.next()];
  assert.deepEqual(further, [peer("b"), undefined]);
});

Deno.test("Lookup asks alpha at once, one more for each that is slow or done, up to maxOpen", () => {
  const lookup = new Lookup({
    key: bytes("key"),
    self: "self",
    limits: { alpha: 2, maxOpen: 3 },
  });
  for (const id of ["a", "b", "c", "d", "e"]) lookup.add(`/ip4/${id}`);
  assert.equal(lookup.next(), "/ip4/a");
  assert.equal(lookup.next(), "/ip4/b");
  assert.equal(lookup.next(), undefined);
  lookup.slowed("/ip4/a");
  assert.equal(lookup.next(), "/ip4/c");
  lookup.slowed("/ip4/b");
  assert.equal(lookup.next(), undefined, "three are open");
  assert.deepEqual(lookup.took("/ip4/b", refuse("dead")), {
    kind: "failure",
    at: "/ip4/b",
    reason: "dead",
  });
  assert.equal(lookup.next(), "/ip4/d");
  lookup.slowed("/ip4/b"); // it is over
  assert.equal(lookup.next(), undefined);
  assert.equal(lookup.isOver, false);
  for (const id of ["a", "c", "d"]) lookup.took(`/ip4/${id}`, answer(id, []));
  assert.equal(lookup.next(), "/ip4/e");
  lookup.took("/ip4/e", answer("e", []));
  assert.equal(lookup.next(), undefined);
  assert.equal(lookup.isOver, true);
});

async function byDistance(ids: string[]): Promise<string[]> {
  const hash = async (text: string) =>
    new Uint8Array(
      await crypto.subtle.digest("SHA-256", new Uint8Array(bytes(text))),
    );
  const target = await hash("key");
  const distances = await Promise.all(ids.map(async (id) => ({
    id,
    hex: (await hash(id)).map((b, i) => b ^ (target[i] ?? 0)).toHex(),
  })));
  return distances.toSorted((a, b) => a.hex < b.hex ? -1 : 1).map((d) => d.id);
}
