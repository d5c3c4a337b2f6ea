import assert from "node:assert/strict";
import { renewManifest } from "../../lib/manifest/renew_manifest.ts";
import { sealEnvelope } from "../../lib/manifest/sign_envelope.ts";
import {
  FULL,
  hashedImage,
  issue,
  NOW,
  signer,
} from "../support/hashed_image.ts";
import { testSigningKey } from "../support/signing_keys.ts";

const DAY_MS = 86_400_000;

const DAY_31 = NOW + 31 * DAY_MS;
const stranger = await testSigningKey(2);

async function renew(
  previous: Uint8Array<ArrayBuffer>,
  { now = DAY_31, signers = [signer], expiresDays = 30 } = {},
) {
  return await renewManifest(previous, signers, { now, expiresDays });
}

Deno.test("renewManifest() repeats the same promise with a new expiry, as a provider does that has the image", async () => {
  for (const image of [hashedImage(), FULL]) {
    const first = await issue({ image });
    const renewed = await renew(first.bytes);
    const { sha256: _, ...beside } = await issue({
      image,
      previous: first.bytes,
      now: DAY_31,
    });
    const { isNewVersion, ...same } = beside;
    assert.equal(isNewVersion, false);
    assert.deepEqual(renewed, { ok: true, value: same });
    assert.equal(
      beside.manifest.manifestVersion,
      first.manifest.manifestVersion,
    );
    assert.equal(beside.manifest.expiresAtMs, DAY_31 - 750 + 30 * DAY_MS);
  }
});

Deno.test("renewManifest() leaves what has more than half of the asked life, signed by all that are to sign", async () => {
  const { bytes } = await issue();
  const inTwoWeeks = { now: NOW + 14 * DAY_MS };
  const renewed = async (options: Parameters<typeof renew>[1]) => {
    const result = await renew(bytes, options);
    assert.ok(result.ok);
    return result.value.bytes !== bytes;
  };
  assert.equal(await renewed(inTwoWeeks), false);
  assert.equal(await renewed({ now: NOW + 15 * DAY_MS }), true);
  assert.equal(await renewed({ ...inTwoWeeks, expiresDays: 60 }), true);
  assert.equal(await renewed({ ...inTwoWeeks, expiresDays: 3 }), true);
  const signers = [signer, stranger];
  assert.equal(await renewed({ ...inTwoWeeks, signers }), true);
});

Deno.test("renewManifest() repeats nothing that none of the keys has promised", async () => {
  const { bytes } = await issue();
  const unsigned = await issue({ signers: [] });
  const text = new TextDecoder().decode(bytes);
  const trust = await sealEnvelope({ keys: [] }, [signer]);
  const codes: string[] = [];
  for (
    const [previous, signers] of [
      [bytes, [stranger]],
      [unsigned.bytes, [signer]],
      [new TextEncoder().encode(text.slice(1)), [signer]],
      [trust, [signer]],
    ] as const
  ) {
    const result = await renew(previous, { signers: [...signers] });
    codes.push(result.ok ? "renewed" : result.reason.code);
  }
  assert.deepEqual(codes, [
    "unknown_key",
    "unsigned",
    "malformed",
    "malformed",
  ]);
});
