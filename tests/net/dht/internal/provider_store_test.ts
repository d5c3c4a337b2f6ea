import assert from "node:assert/strict";
import { ProviderStore } from "../../../../lib/net/dht/internal/provider_store.ts";
import { sha256 } from "../../../../lib/net/dht/message.ts";
import { FakeClock } from "../../../support/fake_clock.ts";

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function open(isPresent?: (peer: string) => boolean) {
  const clock = new FakeClock();
  const store = new ProviderStore({
    clock,
    ttlSeconds: 60,
    place: sha256(bytes("self")),
    isPresent,
  });
  const add = (key: string, peer: string, host: string) =>
    store.add(bytes(key), { multihash: bytes(peer), addresses: [] }, {
      host,
      peer,
    });
  const of = (key: string) =>
    store.of(bytes(key)).map(({ multihash }) =>
      new TextDecoder().decode(multihash)
    );
  return { store, clock, add, of };
}

Deno.test("ProviderStore keeps providers of each key apart, each once", () => {
  const { add, of, store } = open();
  add("k", "a", "h1");
  add("kk", "b", "h2");
  add("k", "a", "h1");
  assert.deepEqual(of("k"), ["a"]);
  assert.deepEqual(of("kk"), ["b"]);
  assert.deepEqual(of("other"), []);
  assert.equal(store.size, 2);
});

Deno.test("ProviderStore forgets providers that do not come again", async () => {
  const { add, of, clock, store } = open();
  add("k", "gone", "h1");
  add("k", "kept", "h2");
  await clock.advance(30_000);
  add("k", "kept", "h2");
  await clock.advance(30_000);
  assert.deepEqual(of("k"), ["kept"]);
  assert.equal(store.size, 1);
});

Deno.test("ProviderStore gives one host a small share of a key, and the honest a place among the first", async () => {
  const { add, of, clock } = open();
  for (let i = 0; i < 1000; i++) {
    add("k", `evil${i}`, "evil");
    await clock.advance(1);
  }
  assert.ok(add("k", "honest", "good"));
  const providers = of("k");
  assert.equal(providers.length, 129);
  assert.ok(providers.indexOf("honest") < 2);
  assert.ok(providers.includes("evil999"), "the latest stay");
  assert.ok(!providers.includes("evil0"));
});

Deno.test("ProviderStore keeps who is connected, whatever others at the same address say and go", async () => {
  const { add, of, clock } = open((peer) => peer.startsWith("here"));
  for (let i = 0; i < 1000; i++) {
    add("k", `gone${i}`, "nat");
    if (i < 100) add("k", `here${i}`, "nat");
    await clock.advance(1);
  }
  const here = of("k").filter((peer) => peer.startsWith("here"));
  assert.equal(here.length, 100);
  assert.equal(of("k").length, 128);
});

Deno.test("ProviderStore gives one host a small share of all keys, and forgets with a key what it held", () => {
  const { add, of, store } = open();
  for (let i = 0; i < 5000; i++) add(`k${i}`, `p${i % 7}`, "evil");
  assert.equal(store.size, 4096);
  let kept = 0;
  for (let i = 0; i < 5000; i++) kept += of(`k${i}`).length;
  assert.equal(kept, store.size);
  assert.ok(add("new", "honest", "good"));
  assert.deepEqual(of("new"), ["honest"]);
});

Deno.test("ProviderStore keeps twenty providers behind one address", () => {
  const { add, of } = open();
  for (let i = 0; i < 20; i++) assert.ok(add("k", `p${i}`, "203.0.113.9"));
  assert.equal(of("k").length, 20);
});

Deno.test("ProviderStore names of one host those first that are connected", () => {
  const { add, of } = open((peer) => peer === "here");
  for (let i = 0; i < 20; i++) add("k", `gone${i}`, "h1");
  add("k", "here", "h1");
  assert.equal(of("k")[0], "here");
  assert.equal(of("k").length, 21);
  add("k", "other", "h2");
  assert.ok(of("k").slice(0, 2).includes("other"), "a host is in turn");
});

Deno.test("ProviderStore tells addresses no longer than it is to, and who it is until the entry ends", async () => {
  const clock = new FakeClock();
  const place = sha256(bytes("self"));
  const times = { ttlSeconds: 60, addressTtlSeconds: 30 };
  const store = new ProviderStore({ clock, place, ...times });
  const peer = { multihash: bytes("p"), addresses: [bytes("address")] };
  store.add(bytes("k"), peer, { host: "h", peer: "p" });
  await clock.advance(29_999);
  assert.deepEqual(store.of(bytes("k")), [peer]);
  await clock.advance(1);
  assert.deepEqual(store.of(bytes("k")), [{ ...peer, addresses: [] }]);
  await clock.advance(30_000);
  assert.deepEqual(store.of(bytes("k")), []);
});
