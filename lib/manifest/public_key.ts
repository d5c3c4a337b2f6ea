import { decodeBase64 } from "../core/base64.ts";
import {
  pemBody,
  pemText,
  publicKeyDer,
  publicKeyOfDer,
} from "../core/ed25519_pem.ts";
import { ok, refuse, type Result } from "../core/result.ts";

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
 * Reads a public key as people write it: 64 hex digits, a key id, base64 of
 * the 32 bytes, or PEM as OpenSSL writes it (`BEGIN PUBLIC KEY`).
 */
export function parsePublicKey(text: string): Result<PublicKey> {
  const trimmed = text.trim();
  const hex = /^(?:ed25519:)?([0-9a-f]{64})$/i.exec(trimmed)?.[1];
  if (hex !== undefined) return ok(publicKey(Uint8Array.fromHex(hex)));
  if (trimmed.includes("PRIVATE KEY-----")) {
    return refuse(
      'a private key; give the public one that "plasmd key show" prints',
    );
  }
  const pem = pemBody(trimmed, "PUBLIC KEY");
  const bytes = decodeBase64(pem ?? trimmed);
  if (pem === undefined) {
    return bytes?.length === 32
      ? ok(publicKey(bytes))
      : refuse("not a public key: neither 64 hex digits, base64 nor PEM");
  }
  const key = bytes && publicKeyOfDer(bytes);
  return key === undefined
    ? refuse("not an Ed25519 public key in PEM")
    : ok(publicKey(key));
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
    const imported = await crypto.subtle
      .importKey("raw", key.bytes, "Ed25519", false, ["verify"]);
    return await crypto.subtle.verify("Ed25519", imported, signature, message);
  } catch {
    // A keyid may hold any 32 bytes, and what is no key has signed nothing.
    return false;
  }
}
