import assert from "node:assert/strict";
import { openEnvelope, signedData } from "../../lib/manifest/envelope.ts";
import { issueManifest } from "../../lib/manifest/issue_manifest.ts";
import { sha256 } from "../../lib/manifest/sha256.ts";
import {
  addSignatures,
  sealEnvelope,
} from "../../lib/manifest/sign_envelope.ts";
import { formatTimestamp } from "../../lib/manifest/timestamp.ts";
import {
  type TrustedKeys,
  trustKeys,
} from "../../lib/manifest/trusted_keys.ts";
import {
  contentOf,
  readEnvelope,
  type TrustPolicy,
  verifyEnvelope,
} from "../../lib/manifest/verify_envelope.ts";
import { hashedImage } from "../support/hashed_image.ts";
import { testSigningKey } from "../support/signing_keys.ts";

const NOW = Date.parse("2026-11-22T12:00:00Z");
const DAY_MS = 86_400_000;
const [alice, bob, mallory] = await Promise.all([
  testSigningKey(1),
  testSigningKey(2),
  testSigningKey(3),
]);
const { bytes, manifest } = await issueManifest({
  image: hashedImage(),
  signers: [alice],
  now: NOW,
  expiresDays: 30,
});

function trusted(threshold = 1): TrustedKeys {
  const keys = trustKeys([alice.publicKey, bob.publicKey], threshold);
  assert.ok(keys.ok);
  return keys.value;
}

function policy(changes: Partial<TrustPolicy> = {}): TrustPolicy {
  return {
    trusted: trusted(),
    image: { channel: "stable", arch: "arm64" },
    minimumVersion: 1,
    clockTrusted: true,
    ...changes,
  };
}

async function codeFor(
  changes: Partial<TrustPolicy>,
  now = NOW,
): Promise<string> {
  const verdict = await verifyEnvelope(bytes, policy(changes), now);
  return verdict.ok ? "accepted" : verdict.reason.code;
}

Deno.test("verifyEnvelope() accepts what a trusted key signed, and names the key", async () => {
  const envelope = openEnvelope(bytes);
  assert.ok(envelope.ok);
  const content = signedData(contentOf(envelope.value.content));
  assert.deepEqual(await verifyEnvelope(bytes, policy(), NOW), {
    ok: true,
    value: {
      manifest,
      verifiedBy: [alice.publicKey.keyId],
      contentSha256: (await sha256(content)).toHex(),
      bytes,
      sha256: (await sha256(bytes)).toHex(),
    },
  });
});

Deno.test("verifyEnvelope() names every trusted key that signed, and no other", async () => {
  const signed = await addSignatures(bytes, [mallory, bob]);
  assert.ok(signed.ok);
  const verdict = await verifyEnvelope(
    signed.value,
    policy({ trusted: trusted(2) }),
    NOW,
  );
  assert.ok(verdict.ok);
  assert.deepEqual(
    verdict.value.verifiedBy,
    [alice.publicKey.keyId, bob.publicKey.keyId].sort(),
  );
});

Deno.test("verifyEnvelope() without keys verifies nobody, and still checks the rest", async () => {
  const { trusted: _, ...unkeyed } = policy();
  const verdict = await verifyEnvelope(bytes, unkeyed, NOW);
  assert.ok(verdict.ok);
  assert.deepEqual(verdict.value.verifiedBy, []);
  const late = await verifyEnvelope(bytes, unkeyed, NOW + 31 * DAY_MS);
  assert.ok(!late.ok);
  assert.equal(late.reason.code, "expired");
});

Deno.test("verifyEnvelope() expires at the very millisecond", async () => {
  assert.equal(await codeFor({}, manifest.expiresAtMs - 1), "accepted");
  assert.equal(await codeFor({}, manifest.expiresAtMs), "expired");
});

Deno.test("verifyEnvelope() takes what was made up to a day later than the clock shows, and no more", async () => {
  const earliest = manifest.createdAtMs - DAY_MS;
  assert.equal(await codeFor({}, earliest), "accepted");
  assert.equal(await codeFor({}, earliest - 1), "from_the_future");
});

Deno.test("verifyEnvelope() says what the clock shows where a date is refused", async () => {
  for (
    const now of [
      manifest.createdAtMs - 2 * DAY_MS,
      manifest.expiresAtMs + 1000,
    ]
  ) {
    const verdict = await verifyEnvelope(bytes, policy(), now);
    assert.ok(!verdict.ok);
    assert.ok(
      verdict.reason.message.includes(
        `this machine's clock says ${formatTimestamp(now)}`,
      ),
      verdict.reason.message,
    );
  }
});

Deno.test("verifyEnvelope() with a clock from 1970 checks all but the dates", async () => {
  const clockTrusted = false;
  assert.equal(await codeFor({ clockTrusted }, 0), "accepted");
  assert.equal(
    await codeFor({ clockTrusted }, NOW + 1000 * DAY_MS),
    "accepted",
  );
  const minimumVersion = manifest.manifestVersion + 1;
  assert.equal(await codeFor({ clockTrusted, minimumVersion }, 0), "rollback");
  const image = { channel: "testing", arch: "arm64" };
  assert.equal(await codeFor({ clockTrusted, image }, 0), "wrong_channel");
  const keys = trustKeys([mallory.publicKey], 1);
  assert.ok(keys.ok);
  assert.equal(
    await codeFor({ clockTrusted, trusted: keys.value }, 0),
    "unknown_key",
  );
});

Deno.test("verifyEnvelope() takes the lowest version that is accepted", async () => {
  const minimumVersion = manifest.manifestVersion;
  assert.equal(await codeFor({ minimumVersion }), "accepted");
});

Deno.test("readEnvelope() reads a manifest, by any signer", () => {
  assert.deepEqual(readEnvelope(bytes), { ok: true, value: manifest });
});

Deno.test("readEnvelope() refuses an envelope that holds something else", async () => {
  const result = readEnvelope(await sealEnvelope({ a: 1 }, [alice]));
  assert.ok(!result.ok);
  assert.equal(result.reason.code, "malformed");
});
