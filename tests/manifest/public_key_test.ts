import assert from "node:assert/strict";
import fc from "fast-check";
import {
  parsePublicKey,
  parsePublicKeys,
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

const OTHER = (await testSigningKey(2)).publicKey;

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
    [KEY.bytes.toBase64().replace("=", ""), /unpadded/],
    [`${publicKeyPem(KEY)}${publicKeyPem(OTHER)}`, /several public keys/],
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

Deno.test("parsePublicKeys() counts every key of a PEM text, and refuses one that holds something else", async () => {
  const both = `The fleet:\n${publicKeyPem(KEY)}# new\n${publicKeyPem(OTHER)}`;
  assert.deepEqual(parsePublicKeys(both), { ok: true, value: [KEY, OTHER] });
  const others = [
    "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
    "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----\n",
    publicKeyPem(OTHER).replace("END PUBLIC", "END"),
    await (await testSigningKey(1)).toPem(),
  ];
  for (const other of others) {
    assert.ok(!parsePublicKeys(publicKeyPem(KEY) + other).ok, other);
    assert.ok(!parsePublicKeys(other + publicKeyPem(KEY)).ok, other);
  }
});

/** All points whose order divides 8, as libsodium lists them. */
const SMALL_ORDER = [
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
].flatMap((hex) => {
  const negative = Uint8Array.fromHex(hex);
  negative[31] = (negative[31] ?? 0) | 0x80;
  return [hex, negative.toHex()];
});

Deno.test("parsePublicKeys() refuses keys that anybody can sign for, in every form", () => {
  for (const hex of SMALL_ORDER) {
    const key = publicKey(Uint8Array.fromHex(hex));
    for (
      const form of [
        hex,
        key.keyId,
        key.bytes.toBase64(),
        publicKeyPem(key),
        publicKeyPem(KEY) + publicKeyPem(key),
      ]
    ) {
      const read = parsePublicKeys(form);
      assert.ok(!read.ok, form);
      assert.match(read.reason, /small order/);
    }
  }
});

Deno.test("parsePublicKeys() refuses an all-zero key, for which a signature is forged without a private key", async () => {
  const zero = publicKey(new Uint8Array(32));
  // R is the neutral point and S is 0: good for one message of four.
  const forged = new Uint8Array(64);
  forged[0] = 1;
  const signed: number[] = [];
  for (let i = 0; i < 64; i++) {
    const message = new TextEncoder().encode(`manifest ${i}`);
    if (await verifySignature(zero, forged, message)) signed.push(i);
  }
  assert.ok(signed.length > 0, "the attack is real");
  assert.ok(!parsePublicKeys(zero.keyId).ok);
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
