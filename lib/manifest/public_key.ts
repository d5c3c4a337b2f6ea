import { decodeBase64 } from "../core/base64.ts";
import {
  pemBodies,
  pemText,
  publicKeyDer,
  publicKeyOfDer,
} from "../core/ed25519_pem.ts";
import { ok, refuse, type Result } from "../core/result.ts";
import { isOfSmallOrder } from "../core/small_order.ts";
import { foreignPublicKey } from "./foreign_keys.ts";

/** An Ed25519 public key (RFC 8032). */
export interface PublicKey {
  /** `ed25519:` and the key in 64 lower-case hex digits. */
  readonly keyId: string;
  /** The 32 bytes of the key. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Makes a public key of its 32 bytes. */
export function publicKey(bytes: Uint8Array<ArrayBuffer>): PublicKey {
  return { keyId: `ed25519:${bytes.toHex()}`, bytes };
}

/**
 * Reads one public key, see {@linkcode parsePublicKeys}.
 *
 * @returns a refusal when there are several
 */
export function parsePublicKey(text: string): Result<PublicKey> {
  const keys = parsePublicKeys(text);
  if (!keys.ok) return keys;
  const [key, ...others] = keys.value;
  return key === undefined || others.length > 0
    ? refuse("several public keys where one is expected")
    : ok(key);
}

/**
 * Reads public keys as people write them: one as 64 hex digits, a key id or
 * base64 of the 32 bytes, or any number as PEM as OpenSSL writes it (`BEGIN
 * PUBLIC KEY`), one after the other.
 */
export function parsePublicKeys(text: string): Result<PublicKey[]> {
  const trimmed = text.trim();
  if (trimmed.includes("PRIVATE KEY-----")) {
    return refuse(
      'a private key; give the public one that "plasmd key show" prints',
    );
  }
  const found = trimmed.includes("-----BEGIN ")
    ? keysOfPem(trimmed)
    : keyInOneLine(trimmed);
  if (!found.ok) return found;
  return found.value.some(isOfSmallOrder)
    ? refuse(
      "a point of small order, for which anybody can forge signatures; make a key with: plasmd key generate",
    )
    : ok(found.value.map(publicKey));
}

type KeyBytes = Uint8Array<ArrayBuffer>;

function keysOfPem(text: string): Result<KeyBytes[]> {
  const keys = pemBodies(text, "PUBLIC KEY").flatMap((body) => {
    const der = decodeBase64(body);
    return (der && publicKeyOfDer(der)) ?? [];
  });
  // Fewer than were meant must never pass for all.
  return keys.length === text.split("-----BEGIN ").length - 1
    ? ok(keys)
    : refuse("not an Ed25519 public key in PEM");
}

function keyInOneLine(text: string): Result<KeyBytes[]> {
  const hex = /^(?:ed25519:)?([0-9a-f]{64})$/i.exec(text)?.[1];
  if (hex !== undefined) return ok([Uint8Array.fromHex(hex)]);
  const bytes = decodeBase64(text);
  return bytes?.length === 32 ? ok([bytes]) : refuse(
    foreignPublicKey(text) ??
      "not a public key: neither 64 hex digits, base64 nor PEM",
  );
}

/** Writes a public key as PEM, as OpenSSL reads it. */
export function publicKeyPem(key: PublicKey): string {
  return pemText("PUBLIC KEY", publicKeyDer(key.bytes));
}

/**
 * Checks one signature.
 *
 * @param signature 64 bytes
 * @returns false as well when the key is no point of the curve
 */
export async function verifySignature(
  key: PublicKey,
  signature: Uint8Array<ArrayBuffer>,
  message: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  try {
    return await crypto.subtle
      .verify("Ed25519", await imported(key), signature, message);
  } catch {
    // A keyid may hold any 32 bytes, and what is no key has signed nothing.
    return false;
  }
}

/** A provider of thousands of images verifies by the same key for each. */
const importedKeys = new WeakMap<PublicKey, Promise<CryptoKey>>();

function imported(key: PublicKey): Promise<CryptoKey> {
  const known = importedKeys.get(key);
  if (known !== undefined) return known;
  const importing = crypto.subtle
    .importKey("raw", key.bytes, "Ed25519", false, ["verify"]);
  importedKeys.set(key, importing);
  return importing;
}
