/**
 * Look-ups among nodes that are many, or name many: in large networks in
 * memory, by the addresses that nodes answer from.
 */
import assert from "node:assert/strict";
import { ok, refuse } from "../../../lib/core/result.ts";
import { systemClock as clock } from "../../../lib/core/clock.ts";
import {
  type Ask,
  type Contact,
  type KadPeer,
  lookUp,
} from "../../../lib/net/dht/lookup.ts";
import { sha256 } from "../../../lib/net/dht/message.ts";
import { groupOf, spread } from "../../../lib/net/dht/peer_groups.ts";

const KEY = bytes("key");

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function peer(id: string, host: string): KadPeer {
  return { id, multihash: bytes(id), addresses: [`/ip4/${host}/tcp/4001`] };
}

function crowd(name: string, count: number, host: (i: number) => string) {
  return Array.from({ length: count }, (_, i) => peer(`${name}${i}`, host(i)));
}

function nearestFirst(peers: readonly KadPeer[]): KadPeer[] {
  const target = sha256(KEY);
  const distance = ({ multihash }: KadPeer) =>
    sha256(multihash).map((byte, i) => byte ^ (target[i] ?? 0)).toHex();
  return peers.toSorted((a, b) => distance(a) < distance(b) ? -1 : 1);
}

const group = (host: string) => groupOf(host, []);
const groupOfPeer = ({ addresses: [at = ""] }: KadPeer) =>
  group(at.split("/")[2] ?? "");

/**
 * Honest nodes, which answer with spread(), and hostile ones, which name each
 * other.
 *
 * @param known whom the honest ones know
 */
function answering(
  honest: readonly KadPeer[],
  hostile: readonly KadPeer[] = [],
  known: readonly KadPeer[] = [...honest, ...hostile],
) {
  const all = new Map([...honest, ...hostile].map((one) => [one.id, one]));
  const named = spread(nearestFirst(known), groupOfPeer);
  const asked: string[] = [];
  const ask: Ask = (to) => {
    const id = typeof to === "string" ? to : to.id;
    asked.push(id);
    const from = all.get(id);
    if (from === undefined) return Promise.resolve(refuse("not there"));
    const closer = hostile.includes(from) ? hostile : named;
    return Promise.resolve(ok({ from, closer, providers: [] }));
  };
  const find = async (seeds: readonly Contact[]): Promise<string[]> => {
    const answered: string[] = [];
    const { signal } = new AbortController();
    const options = { key: KEY, self: "self", groupOf: group, clock, signal };
    for await (const step of lookUp({ ...options, seeds, ask })) {
      if (step.kind === "answer") answered.push(step.answer.from.id);
    }
    return answered;
  };
  return { find, asked };
}

const CROWDS: Readonly<Record<string, (i: number) => string>> = {
  "one public /16": (i) => `203.0.${i}.7`,
  "one address": () => "203.0.113.9",
  "one LAN": (i) => `192.168.1.${i + 1}`,
  "as many networks": (i) => `${i + 11}.0.0.7`,
};

for (const [where, host] of Object.entries(CROWDS)) {
  Deno.test(`lookUp() asks the k nearest of a crowd in ${where}, and few more`, async () => {
    const honest = crowd("h", 200, host);
    const { find, asked } = answering(honest);
    const answered = await find(honest.slice(0, 1));
    const wanted = spread(nearestFirst(honest), groupOfPeer);
    for (const { id } of wanted) assert.ok(answered.includes(id), id);
    assert.ok(asked.length <= 25, `${asked.length} asked`);
  });
}

Deno.test("lookUp() asks no more than a quarter of one host's, though they are all nearest", async () => {
  const honest = crowd("h", 30, (i) => `${i + 11}.0.0.7`);
  const sybils = nearestFirst(crowd("s", 4000, () => "198.51.100.66"))
    .slice(0, 40);
  const { find } = answering(honest, sybils);
  const answered = await find(honest.slice(0, 1));
  const evil = answered.filter((id) => id.startsWith("s"));
  assert.ok(evil.length <= 6, `${evil.length} of one host`);
  assert.ok(answered.length - evil.length >= 15);
});

Deno.test("lookUp() reaches what an honest address leads to, whatever nearer nodes others lead to", async () => {
  // All at one address: groups tell nothing, only paths do.
  const honest = crowd("h", 30, () => "203.0.113.9");
  const sybils = nearestFirst(crowd("s", 4000, () => "203.0.113.9"))
    .slice(0, 100);
  const { find } = answering(honest, sybils, honest);
  const seeds = [...sybils.slice(0, 43), ...honest.slice(0, 1)];
  const known = new Map(seeds.map((one) => [one.id, one]));
  const answered = await find([...known.keys()]);
  const missed = nearestFirst(honest).slice(0, 10)
    .filter(({ id }) => !answered.includes(id));
  assert.deepEqual(missed, []);
});

Deno.test("lookUp() asks a node where another names it, when the first lied", async () => {
  const honest = peer("h", "203.0.113.9");
  const liar = peer("liar", "198.51.100.1");
  const friend = peer("friend", "192.0.2.1");
  const ask: Ask = (to) => {
    const id = typeof to === "string" ? to : to.id;
    const where = typeof to === "string" ? [] : to.addresses;
    const wrong = { ...honest, addresses: ["/ip4/198.51.100.66/tcp/1"] };
    if (id === "h" && !where.includes(honest.addresses[0] ?? "")) {
      return Promise.resolve(refuse("another peer ID answers there"));
    }
    const closer = id === "liar" ? [wrong] : id === "friend" ? [honest] : [];
    const from = [honest, liar, friend].find((one) => one.id === id) ?? liar;
    return Promise.resolve(ok({ from, closer, providers: [] }));
  };
  const answered: string[] = [];
  const { signal } = new AbortController();
  const options = { key: KEY, self: "self", clock, signal, ask };
  for await (
    const step of lookUp({ ...options, seeds: ["liar", "friend"] })
  ) if (step.kind === "answer") answered.push(step.answer.from.id);
  assert.deepEqual(answered.toSorted(), ["friend", "h", "liar"]);
});
