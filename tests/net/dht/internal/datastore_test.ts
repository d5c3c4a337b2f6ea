import { peerIdFromString } from "@libp2p/peer-id";
import { Key } from "interface-datastore";
import assert from "node:assert/strict";
import { ok } from "../../../../lib/core/result.ts";
import { createIdentity } from "../../../../lib/net/dht/identity.ts";
import { DhtDatastore } from "../../../../lib/net/dht/internal/datastore.ts";
import { encodeRecord } from "../../../../lib/net/dht/message.ts";
import type { RecordRules } from "../../../../lib/net/dht/record_rules.ts";
import { FakeClock } from "../../../support/fake_clock.ts";

/** Values are times in seconds: until when they hold, the later the better. */
const policy: RecordRules = {
  namespace: "test",
  accept: () => Promise.resolve(ok(undefined)),
  isBetter: (a, b) => seconds(a) > seconds(b),
  expiresMs: (value) => seconds(value) * 1000,
};

function seconds(value: Uint8Array): number {
  return Number(new TextDecoder().decode(value));
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function record(key: string, value: string): [Key, Uint8Array] {
  const encoded = encodeRecord({
    key: bytes(key),
    value: bytes(value),
    ttlSeconds: 1,
    receivedAtMs: 0,
  });
  return [DhtDatastore.recordKey(bytes(key)), encoded];
}

function open(
  limits: ConstructorParameters<typeof DhtDatastore>[0]["limits"] = {},
  selfId = "self",
): { store: DhtDatastore; clock: FakeClock } {
  const clock = new FakeClock("1970-01-01T00:01:40Z"); // second 100
  const store = new DhtDatastore({
    policy,
    clock,
    providerTtlSeconds: 60,
    selfId,
    limits,
  });
  return { store, clock };
}

async function providersOf(
  store: DhtDatastore,
  key: string,
): Promise<string[]> {
  const prefix = DhtDatastore.providerKey(bytes(key), "").toString();
  const names: string[] = [];
  for await (const pair of store.query({ prefix })) {
    names.push(pair.key.toString().split("/").at(-1) ?? "");
  }
  return names;
}

Deno.test("DhtDatastore keeps the better of two records", async () => {
  const { store } = open();
  const [key, better] = record("k", "200");
  const [, worse] = record("k", "150");
  await store.put(key, worse);
  await store.put(key, better);
  assert.deepEqual(await store.get(key), better);
  await store.put(key, worse);
  assert.deepEqual(await store.get(key), better);
});

Deno.test("DhtDatastore forgets a record when it expires", async () => {
  const { store, clock } = open();
  const [key, value] = record("k", "110");
  await store.put(key, value);
  await clock.advance(9_999);
  assert.deepEqual(await store.get(key), value);
  await clock.advance(1);
  assert.throws(() => store.get(key), { name: "NotFoundError" });
  assert.equal(await store.has(key), false);
});

Deno.test("DhtDatastore refuses more records than it has room for", async () => {
  const { store, clock } = open({ maxRecords: 2 });
  await store.put(...record("a", "110"));
  await store.put(...record("b", "200"));
  assert.throws(() => store.put(...record("c", "200")), /no room/);
  await store.put(...record("b", "210")); // known: takes no more room
  await clock.advance(10_000);
  await store.put(...record("c", "200")); // a has expired
  assert.deepEqual(
    [...store.records()].map((r) => new TextDecoder().decode(r.key)),
    ["b", "c"],
  );
});

Deno.test("DhtDatastore keeps all that its node provides, and as much for others as without", async () => {
  const { store, clock } = open({ maxRecords: 2 });
  const keys = ["own1", "own2", "own3"];
  for (const key of keys) store.putOwn(bytes(key), record(key, "110")[1]);
  await store.put(...record("other1", "110"));
  await store.put(...record("other2", "110"));
  assert.throws(() => store.put(...record("other3", "110")), /no room/);
  for (const key of keys) {
    const [name, value] = record(key, "110");
    assert.deepEqual(await store.get(name), value);
  }
  assert.deepEqual(
    store.records().map(({ key }) => new TextDecoder().decode(key)),
    ["other1", "other2"],
    "what it provides it knows without them",
  );
  const [name] = record("own1", "110");
  await store.delete(name);
  assert.ok(!await store.has(name));
  await clock.advance(10_000);
  await store.put(...record("other3", "120"));
  assert.throws(() => store.get(record("own2", "110")[0]), /expired/);
});

Deno.test("DhtDatastore takes a record that it kept for others for its own, and keeps the better one", async () => {
  const { store } = open({ maxRecords: 1 });
  const [key, better] = record("k", "200");
  const [, worse] = record("k", "150");
  await store.put(key, better);
  store.putOwn(bytes("k"), worse);
  assert.deepEqual(await store.get(key), better, "no newer one is lost");
  await store.put(...record("other", "150"));
  const [, best] = record("k", "300");
  await store.put(key, best);
  assert.deepEqual(await store.get(key), best);
});

Deno.test("DhtDatastore refuses what is no record", () => {
  const { store } = open();
  const key = DhtDatastore.recordKey(bytes("k"));
  assert.throws(() => store.put(key, bytes("garbage")), /malformed/);
});

Deno.test("DhtDatastore forgets providers that do not come again", async () => {
  const { store, clock } = open();
  const provider = (id: string) => DhtDatastore.providerKey(bytes("k"), id);
  await store.put(provider("gone"), Uint8Array.of(0));
  await store.put(provider("self"), Uint8Array.of(0));
  await clock.advance(59_999);
  await store.put(provider("kept"), Uint8Array.of(0));
  assert.deepEqual(await providersOf(store, "k"), ["gone", "self", "kept"]);
  await clock.advance(1);
  assert.deepEqual(await providersOf(store, "k"), ["self", "kept"]);
});

Deno.test("DhtDatastore keeps providers of each key apart", async () => {
  const { store } = open();
  await store.put(DhtDatastore.providerKey(bytes("k"), "a"), bytes("t"));
  await store.put(DhtDatastore.providerKey(bytes("kk"), "b"), bytes("t"));
  assert.deepEqual(await providersOf(store, "k"), ["a"]);
  await store.delete(DhtDatastore.providerKey(bytes("k"), "a"));
  assert.deepEqual(await providersOf(store, "k"), []);
  assert.deepEqual(await providersOf(store, "kk"), ["b"]);
});

Deno.test("DhtDatastore bounds providers, of a key and in all", async () => {
  const { store, clock } = open({ maxProviders: 3, maxProvidersPerKey: 2 });
  const put = (key: string, id: string) =>
    store.put(DhtDatastore.providerKey(bytes(key), id), bytes("t"));
  await put("a", "1");
  await put("a", "2");
  assert.throws(() => put("a", "3"), /no room/);
  await put("a", "1"); // known: refreshed
  await put("a", "self"); // the own entry always fits, and takes no room
  await put("b", "1");
  assert.throws(() => put("b", "2"), /no room/);
  await clock.advance(60_000);
  await put("b", "2");
  assert.deepEqual(await providersOf(store, "b"), ["2"]);
});

Deno.test("DhtDatastore shows kad-dht's reprovider nothing to repeat", async () => {
  const { store } = open();
  await store.put(DhtDatastore.providerKey(bytes("k"), "self"), bytes("t"));
  const seen = await Array.fromAsync(store.query({ prefix: "/dht/provider" }));
  assert.deepEqual(seen, []);
});

Deno.test("DhtDatastore forgets the peer it heard of longest ago", async () => {
  const ids = await Promise.all(
    Array.from(
      { length: 4 },
      async () => peerIdFromString((await createIdentity()).peerId),
    ),
  );
  const peerKey = (i: number) => new Key(`/peers/${ids[i]?.toCID()}`);
  const provider = (i: number) =>
    DhtDatastore.providerKey(bytes("k"), ids[i]?.toString() ?? "");
  const { store } = open({ maxPeers: 3 }, ids[0]?.toString());
  for (const i of [0, 1, 2]) {
    await store.put(peerKey(i), bytes("p"));
    await store.put(provider(i), bytes("t"));
  }
  await store.put(peerKey(1), bytes("p")); // heard of again
  await store.put(peerKey(3), bytes("p"));
  const known = [0, 1, 2, 3].map((i) => store.has(peerKey(i)));
  assert.deepEqual(await Promise.all(known), [true, true, false, true]);
  assert.deepEqual(
    await providersOf(store, "k"),
    [ids[0]?.toString(), ids[1]?.toString()],
  );
});

Deno.test("DhtDatastore keeps all else as it is", async () => {
  const { store } = open();
  const key = new Key("/other/x");
  await store.put(key, bytes("v"));
  assert.deepEqual(await store.get(key), bytes("v"));
  assert.equal(await store.has(key), true);
  const all = await Array.fromAsync(store.query({ prefix: "/other" }));
  assert.equal(all.length, 1);
  await store.delete(key);
  assert.equal(await store.has(key), false);
});
