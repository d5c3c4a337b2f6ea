import assert from "node:assert/strict";
import { type Envelope, openEnvelope } from "../../lib/manifest/envelope.ts";
import { sealEnvelope } from "../../lib/manifest/sign_envelope.ts";
import type { SigningKey } from "../../lib/manifest/signing_key.ts";
import { checkSignatures, trustKeys } from "../../lib/manifest/trusted_keys.ts";
import { testSigningKey } from "../support/signing_keys.ts";

const [alice, bob, mallory] = await Promise.all([
  testSigningKey(1),
  testSigningKey(2),
  testSigningKey(3),
]);

async function sealed(...signers: SigningKey[]): Promise<Envelope> {
  const envelope = openEnvelope(await sealEnvelope({ a: 1 }, signers));
  assert.ok(envelope.ok);
  return envelope.value;
}

/** Who has signed of alice and bob, or the code of the refusal. */
async function check(
  envelope: Envelope,
  threshold = 1,
): Promise<readonly string[] | string> {
  const trusted = trustKeys([alice.publicKey, bob.publicKey], threshold);
  assert.ok(trusted.ok);
  const checked = await checkSignatures(envelope, trusted.value);
  return checked.ok ? checked.value : checked.reason.code;
}

Deno.test("trustKeys() refuses no key and a threshold that cannot be met", () => {
  const key = alice.publicKey;
  assert.ok(!trustKeys([], 1).ok);
  for (const threshold of [0, -1, 1.5, NaN, 2]) {
    assert.ok(!trustKeys([key, key], threshold).ok, String(threshold));
  }
  assert.ok(trustKeys([key, key], 1).ok);
  assert.ok(trustKeys([key, bob.publicKey], 2).ok);
});

Deno.test("checkSignatures() names the trusted keys that signed, sorted", async () => {
  const both = [alice, bob].map(({ publicKey }) => publicKey.keyId).sort();
  assert.deepEqual(await check(await sealed(bob, mallory, alice), 2), both);
  assert.deepEqual(await check(await sealed(bob)), [bob.publicKey.keyId]);
});

Deno.test("checkSignatures() says why signatures are not enough", async () => {
  assert.equal(await check(await sealed()), "unsigned");
  assert.equal(await check(await sealed(mallory)), "unknown_key");
  assert.equal(await check(await sealed(alice, mallory), 2), "below_threshold");
  const { data, ...rest } = await sealed(alice);
  const changed = { ...rest, data: Uint8Array.of(...data, 0x20) };
  assert.equal(await check(changed), "bad_signature");
});
