import { ok, refuse, type Result } from "../core/result.ts";

/** An Ed25519 public key (RFC 8032). */
export interface PublicKey {
  /** `ed25519:` and the key in 64 lower-case hex digits. */
  readonly keyId: string;
  /** The 32 bytes of the key. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Everything of a SubjectPublicKeyInfo before the key (RFC 8410 section 4). */
const SPKI_PREFIX = "302a300506032b6570032100";

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
  const pem = /-----BEGIN PUBLIC KEY-----([^-]*)-----END PUBLIC KEY-----/
    .exec(trimmed)?.[1];
  const bytes = decodeBase64(pem?.replace(/\s+/g, "") ?? trimmed);
  if (pem === undefined) {
    return bytes?.length === 32
      ? ok(publicKey(bytes))
      : refuse("not a public key: neither 64 hex digits, base64 nor PEM");
  }
  const info = bytes?.toHex();
  return info?.length === 88 && info.startsWith(SPKI_PREFIX)
    ? ok(publicKey(Uint8Array.fromHex(info.slice(SPKI_PREFIX.length))))
    : refuse("not an Ed25519 public key in PEM");
}

/** Writes a public key as PEM, as OpenSSL reads it. */
export function publicKeyPem(key: PublicKey): string {
  const info = Uint8Array.fromHex(SPKI_PREFIX + key.bytes.toHex());
  return `-----BEGIN PUBLIC KEY-----\n${info.toBase64()}\n-----END PUBLIC KEY-----\n`;
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

/**
 * Decodes base64 (RFC 4648 section 4) that has exactly one spelling: padded,
 * no white space, no stray bits, so that nothing can be changed unnoticed.
 */
export function decodeBase64(
  text: string,
): Uint8Array<ArrayBuffer> | undefined {
  try {
    const bytes = Uint8Array.fromBase64(text, { lastChunkHandling: "strict" });
    return bytes.toBase64() === text ? bytes : undefined;
  } catch {
    return undefined;
  }
}
