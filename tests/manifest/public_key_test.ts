import assert from "node:assert/strict";
import fc from "fast-check";
import {
  parsePublicKey,
  publicKey,
  publicKeyPem,
  verifySignature,
} from "../../lib/manifest/public_key.ts";
import { testSigningKey } from "../support/signing_keys.ts";

// RFC 8032, section 7.1, test 2.
const HEX = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
const MESSAGE = Uint8Array.of(0x72);
const SIGNATURE = Uint8Array.fromHex(
  "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da" +
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
);
const KEY = publicKey(Uint8Array.fromHex(HEX));

Deno.test("parsePublicKey() reads hex, key id, base64 and PEM", () => {
  const forms = [
    HEX,
    HEX.toUpperCase(),
    `ed25519:${HEX}`,
    KEY.bytes.toBase64(),
    publicKeyPem(KEY),
    publicKeyPem(KEY).replaceAll("\n", "\r\n"),
    `  ${HEX}\n`,
  ];
  for (const form of forms) {
    assert.deepEqual(parsePublicKey(form), { ok: true, value: KEY }, form);
  }
});

Deno.test("parsePublicKey() refuses what is no public key", async () => {
  const p256 = await crypto.subtle.generateKey(
    { name: "ECDSA", namedCurve: "P-256" },
    true,
    ["sign", "verify"],
  );
  const spki = new Uint8Array(
    await crypto.subtle.exportKey("spki", p256.publicKey),
  );
  const refused: readonly (readonly [string, RegExp])[] = [
    ["", /not a public key/],
    [HEX.slice(2), /not a public key/],
    [`${HEX}00`, /not a public key/],
    [KEY.bytes.toBase64().replace("=", ""), /not a public key/],
    [`-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----`, /in PEM/],
    [
      `-----BEGIN PUBLIC KEY-----\n${spki.toBase64()}\n-----END PUBLIC KEY-----`,
      /not an Ed25519/,
    ],
    [await (await testSigningKey(1)).toPem(), /private key/],
  ];
  for (const [text, reason] of refused) {
    const result = parsePublicKey(text);
    assert.ok(!result.ok, text);
    assert.match(result.reason, reason);
  }
});

Deno.test("parsePublicKey() never throws", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    parsePublicKey(text);
    parsePublicKey(
      `-----BEGIN PUBLIC KEY-----${text}-----END PUBLIC KEY-----`,
    );
  }));
});

Deno.test("verifySignature() accepts the vector of RFC 8032 and nothing near it", async () => {
  assert.ok(await verifySignature(KEY, SIGNATURE, MESSAGE));
  assert.ok(!await verifySignature(KEY, SIGNATURE, Uint8Array.of(0x73)));
  const flipped = SIGNATURE.slice();
  flipped[10] = (flipped[10] ?? 0) ^ 1;
  assert.ok(!await verifySignature(KEY, flipped, MESSAGE));
  assert.ok(!await verifySignature(KEY, SIGNATURE.slice(1), MESSAGE));
  assert.ok(!await verifySignature(KEY, new Uint8Array(), MESSAGE));
});

Deno.test("verifySignature() is false for bytes that are no point of the curve", async () => {
  for (const byte of [0x00, 0x02, 0xff]) {
    const key = publicKey(new Uint8Array(32).fill(byte));
    assert.ok(!await verifySignature(key, SIGNATURE, MESSAGE));
  }
});
