import assert from "node:assert/strict";
import {
  parseSigningKey,
  type SigningKey,
} from "../../lib/manifest/signing_key.ts";

/** Everything of an Ed25519 PKCS#8 key before its seed (RFC 8410 section 7). */
const PKCS8_PREFIX = "302e020100300506032b657004220420";

/**
 * The same key for the same number, so that what it signs can be compared.
 *
 * @param number 0 to 255
 */
export async function testSigningKey(number: number): Promise<SigningKey> {
  const seed = new Uint8Array(32).fill(number).toHex();
  const body = Uint8Array.fromHex(PKCS8_PREFIX + seed).toBase64();
  const key = await parseSigningKey(
    `-----BEGIN PRIVATE KEY-----\n${body}\n-----END PRIVATE KEY-----\n`,
  );
  assert.ok(key.ok);
  return key.value;
}
