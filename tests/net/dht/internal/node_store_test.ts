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

Deno.test("NodeStore provides a value until it is withdrawn", () => {
  const store = open();
  const multihash = keyMultihash(bytes(KEY));
  store.provide(KEY, bytes("v"));
  assert.deepEqual(store.ownValue(bytes(KEY)), bytes("v"));
  assert.ok(store.provides(multihash));
  assert.ok(store.values.record(bytes(KEY)));
  assert.deepEqual(store.records(), [], "it provides it anew when it starts");
  store.withdraw(KEY);
  assert.equal(store.ownValue(bytes(KEY)), undefined);
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
