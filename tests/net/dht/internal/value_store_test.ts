import assert from "node:assert/strict";
import { ValueStore } from "../../../../lib/net/dht/internal/value_store.ts";
import { decodeRecord, sha256 } from "../../../../lib/net/dht/message.ts";
import { FakeClock } from "../../../support/fake_clock.ts";

/** Values are times in seconds: until when they hold, the later the better. */
const policy = {
  isBetter: (a: Uint8Array, b: Uint8Array) => seconds(a) > seconds(b),
  expiresMs: (value: Uint8Array) => seconds(value) * 1000,
};

function seconds(value: Uint8Array): number {
  return Number(new TextDecoder().decode(value));
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function open() {
  const clock = new FakeClock("1970-01-01T00:01:40Z"); // second 100
  const store = new ValueStore({ policy, clock, place: sha256(bytes("self")) });
  const put = (key: string, value: string, host = "h", peer = "p") =>
    store.put(bytes(key), bytes(value), { host, peer });
  const get = (key: string) => {
    const record = store.record(bytes(key));
    const value = record && decodeRecord(record)?.value;
    return value && new TextDecoder().decode(value);
  };
  return { store, clock, put, get };
}

Deno.test("ValueStore keeps the better of two values, and refuses the worse", () => {
  const { put, get } = open();
  assert.ok(put("k", "150").ok);
  assert.ok(put("k", "200").ok);
  assert.deepEqual(put("k", "150"), {
    ok: false,
    reason: "a newer one is kept",
  });
  assert.equal(get("k"), "200");
  assert.ok(put("k", "200").ok, "the same again renews it");
});

Deno.test("ValueStore forgets a value when it expires, and takes none that has", async () => {
  const { put, get, clock, store } = open();
  assert.ok(put("k", "110").ok);
  assert.equal(put("old", "100").ok, false);
  await clock.advance(9_999);
  assert.equal(get("k"), "110");
  await clock.advance(1);
  assert.equal(get("k"), undefined);
  assert.deepEqual(store.values(), []);
});

Deno.test("ValueStore keeps all that its node provides, besides what it keeps for others", () => {
  const { store, put, get } = open();
  for (let i = 0; i < 5000; i++) store.putOwn(bytes(`own${i}`), bytes("200"));
  assert.ok(put("other", "200").ok);
  assert.equal(get("own4999"), "200");
  assert.deepEqual(
    store.values().map(({ key }) => new TextDecoder().decode(key)),
    ["other"],
    "what it provides it knows without them",
  );
  store.delete(bytes("own4999"));
  assert.equal(get("own4999"), undefined);
});

Deno.test("ValueStore takes a value that it kept for others for its own, and keeps the better one", () => {
  const { store, put, get } = open();
  put("k", "200");
  store.putOwn(bytes("k"), bytes("150"));
  assert.equal(get("k"), "200", "no newer one is lost");
  assert.ok(put("k", "300").ok);
  assert.equal(get("k"), "300");
  assert.deepEqual(store.values(), []);
});

Deno.test("ValueStore gives one host a small share, that which is nearest, and all the others theirs", () => {
  const { store, put } = open();
  for (let i = 0; i < 3000; i++) put(`flood${i}`, "200", "evil", `p${i}`);
  const flood = store.values().length;
  assert.equal(flood, 1024);
  for (let i = 0; i < 100; i++) {
    assert.ok(put(`honest${i}`, "200", `host${i}`).ok);
  }
  assert.equal(store.values().length, flood + 100);
});

Deno.test("ValueStore gives up what its node said before, though a clock that was ahead dated it later", () => {
  const { store, put, get } = open();
  const [ahead, right] = [bytes("900"), bytes("200")];
  store.putOwn(bytes("k"), ahead);
  store.putOwn(bytes("k"), right, ahead);
  assert.equal(get("k"), "200");
  assert.ok(put("k", "300").ok, "of another provider");
  store.putOwn(bytes("k"), bytes("250"), right);
  assert.equal(get("k"), "300");
});
