import assert from "node:assert/strict";
import { ok, refuse } from "../../../../lib/core/result.ts";
import { NodeStore } from "../../../../lib/net/dht/internal/node_store.ts";
import { keyMultihash } from "../../../../lib/net/dht/message.ts";
import type { RecordRules } from "../../../../lib/net/dht/record_rules.ts";
import { FakeClock } from "../../../support/fake_clock.ts";

const KEY = "/phase/stable/arm64/manifest";

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function open(): NodeStore {
  const policy: RecordRules = {
    namespace: "phase",
    accept: (_key, value) =>
      Promise.resolve(value.length > 5 ? refuse("too long") : ok(undefined)),
    isBetter: () => false,
    expiresMs: () => Infinity,
  };
  const clock = new FakeClock();
  return new NodeStore({ policy, clock, recordTtlSeconds: 60 }, bytes("self"));
}

Deno.test("NodeStore provides a value until it is withdrawn", async () => {
  const store = open();
  const multihash = keyMultihash(bytes(KEY));
  store.provide(KEY, bytes("v"));
  assert.deepEqual(await store.read(bytes(KEY), undefined), bytes("v"));
  assert.ok(store.provides(multihash));
  assert.ok(store.values.record(bytes(KEY)));
  assert.deepEqual(store.records(), [], "it provides it anew when it starts");
  store.withdraw(KEY);
  assert.equal(await store.read(bytes(KEY), undefined), undefined);
  assert.ok(!store.provides(multihash));
  assert.equal(store.values.record(bytes(KEY)), undefined);
});

Deno.test("NodeStore resumes what is valid, of each host no more than its share", async () => {
  const before = open();
  for (let i = 0; i < 2000; i++) {
    const origin = { host: i < 1990 ? "evil" : `h${i}`, peer: `p${i}` };
    before.values.put(bytes(`/phase/x${i}`), bytes("v"), origin);
  }
  const records = before.records();
  assert.equal(records.length, 1024 + 10);
  const after = open();
  const origin = { host: "evil", peer: "p" };
  await after.resume([
    ...records,
    { key: "/phase/forged", value: bytes("too long"), origin },
    ...Array.from({ length: 5000 }, (_, i) => ({
      key: `/phase/y${i}`,
      value: bytes("v"),
      origin,
    })),
  ]);
  assert.equal(after.records().length, 1024 + 10);
});

Deno.test("NodeStore answers who reads a value from it by his connection", async () => {
  const store = open();
  store.provide(
    KEY,
    bytes("v"),
    ({ localAddress }) => Promise.resolve(bytes(localAddress)),
  );
  const ends = { localAddress: "::1", remoteAddress: "::2" };
  assert.deepEqual(await store.read(bytes(KEY), ends), bytes("::1"));
  assert.deepEqual(await store.read(bytes(KEY), undefined), bytes("v"));
  assert.equal(await store.read(bytes(`${KEY}s`), ends), undefined);
});

Deno.test("NodeStore lists the keys that it has, its own first, in 4 KiB at most", async () => {
  const store = open();
  const list = async () =>
    new TextDecoder().decode(await store.read(bytes("/phase/"), undefined));
  assert.equal(await list(), "");
  const origin = { host: "h", peer: "p" };
  store.values.put(bytes("/phase/a/b/manifest"), bytes("v"), origin);
  store.provide(KEY, bytes("v"));
  assert.equal(await list(), `${KEY}\n/phase/a/b/manifest`);
  for (let i = 0; i < 1000; i++) store.provide(`${KEY}${i}`, bytes("v"));
  const many = await list();
  assert.ok(many.length <= 4096 && many.length > 4000, `${many.length}`);
  assert.ok(many.split("\n").every((key) => key.startsWith(KEY)));
});
