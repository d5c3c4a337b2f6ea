import assert from "node:assert/strict";
import { createIdentity, type Identity } from "../../lib/net/dht/identity.ts";
import { createBootRecordPolicy } from "../../lib/wire/boot_record_policy.ts";
import { signedRecord } from "../support/boot_records.ts";
import { FakeClock } from "../support/fake_clock.ts";

const IMAGE = { channel: "stable", arch: "arm64" };
const KEY = "/phase/stable/arm64/manifest";

async function record(
  identity: Identity,
  lastUpdatedMs: number,
  url = "http://192.0.2.7/",
): Promise<Uint8Array> {
  const fields = { url, lastUpdatedMs, ttlSeconds: 60 };
  return await signedRecord(IMAGE, identity, fields);
}

Deno.test("the policy refuses a record that its provider has replaced", async () => {
  const clock = new FakeClock();
  const policy = createBootRecordPolicy({ clock });
  const [one, other] = [await createIdentity(), await createIdentity()];
  const now = clock.now();
  const older = await record(one, now - 2);
  assert.ok((await policy.accept(KEY, older)).ok);
  assert.ok((await policy.accept(KEY, await record(one, now - 1))).ok);
  assert.deepEqual(await policy.accept(KEY, older), {
    ok: false,
    reason: "record is older than one seen before",
  });
  // Another provider's clock is not compared with this one's.
  assert.ok((await policy.accept(KEY, await record(other, now - 3))).ok);
});

Deno.test("the policy accepts the same record again", async () => {
  const clock = new FakeClock();
  const policy = createBootRecordPolicy({ clock });
  const value = await record(await createIdentity(), clock.now());
  assert.ok((await policy.accept(KEY, value)).ok);
  assert.ok((await policy.accept(KEY, value)).ok);
});

Deno.test("the policy refuses what has expired meanwhile", async () => {
  const clock = new FakeClock();
  const policy = createBootRecordPolicy({ clock });
  const value = await record(await createIdentity(), clock.now());
  await clock.advance(60_000);
  assert.equal((await policy.accept(KEY, value)).ok, false);
});

Deno.test("the policy prefers the newer of two records", async () => {
  const clock = new FakeClock();
  const policy = createBootRecordPolicy({ clock });
  const identity = await createIdentity();
  const older = await record(identity, clock.now() - 1);
  const newer = await record(identity, clock.now());
  assert.equal(policy.isBetter(newer, older), true);
  assert.equal(policy.isBetter(older, newer), false);
  assert.equal(policy.isBetter(newer, newer), false);
  assert.equal(policy.isBetter(newer, new Uint8Array(1)), true);
  assert.equal(policy.isBetter(new Uint8Array(1), newer), false);
});

Deno.test("the policy knows when a record ends", async () => {
  const clock = new FakeClock();
  const policy = createBootRecordPolicy({ clock });
  const value = await record(await createIdentity(), clock.now());
  assert.equal(policy.expiresMs(value), clock.now() + 60_000);
  assert.equal(policy.expiresMs(new Uint8Array(1)), 0);
});
