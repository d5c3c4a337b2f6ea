/** What a PEM text holds, as the lines around it say (RFC 7468). */
export type PemLabel =
  | "PUBLIC KEY"
  | "PRIVATE KEY"
  | "ENCRYPTED PRIVATE KEY";

/** A SubjectPublicKeyInfo up to the key (RFC 8410 section 4). */
const SPKI_PREFIX = "302a300506032b6570032100";
/** PKCS#8 up to the seed (RFC 8410 section 7). */
const PKCS8_PREFIX = Uint8Array.fromHex("302e020100300506032b657004220420");
/**
 * The length of a public key, and of the seed that is the private key (RFC
 * 8032).
 */
const KEY_BYTES = 32;

/**
 * The base64 between the lines of a PEM text, white space removed.
 *
 * @returns undefined when there is nothing of that label
 */
export function pemBody(text: string, label: PemLabel): string | undefined {
  return pemBodies(text, label)[0];
}

/** The same of every part with that label. */
export function pemBodies(text: string, label: PemLabel): string[] {
  const part = `-----BEGIN ${label}-----([^-]*)-----END ${label}-----`;
  return [...text.matchAll(new RegExp(part, "g"))]
    .map(([, body = ""]) => body.replaceAll(/\s+/g, ""));
}

/** Writes DER as PEM, as OpenSSL reads it. */
export function pemText(label: PemLabel, der: Uint8Array): string {
  return `-----BEGIN ${label}-----\n${der.toBase64()}\n-----END ${label}-----\n`;
}

/** The public key of a SubjectPublicKeyInfo; undefined when it has none. */
export function publicKeyOfDer(
  der: Uint8Array,
): Uint8Array<ArrayBuffer> | undefined {
  const hex = der.toHex();
  return hex.length === SPKI_PREFIX.length + 2 * KEY_BYTES &&
      hex.startsWith(SPKI_PREFIX)
    ? Uint8Array.fromHex(hex.slice(SPKI_PREFIX.length))
    : undefined;
}

/** Writes a public key as SubjectPublicKeyInfo. */
export function publicKeyDer(key: Uint8Array): Uint8Array {
  return Uint8Array.fromHex(SPKI_PREFIX + key.toHex());
}

/** The seed of a private key in PKCS#8; undefined when it has none. */
export function seedOfDer(der: Uint8Array): Uint8Array | undefined {
  const start = PKCS8_PREFIX.length;
  // Newer writers append the public key (RFC 5958, version 1): the lengths at
  // 1 and the version at 4 differ then.
  const isEd25519 = der.length >= start + KEY_BYTES &&
    PKCS8_PREFIX.every((byte, i) => i === 1 || i === 4 || der[i] === byte);
  return isEd25519 ? der.subarray(start, start + KEY_BYTES) : undefined;
}

/** Writes the seed of a private key as PKCS#8. */
export function privateKeyDer(seed: Uint8Array): Uint8Array {
  const der = new Uint8Array(PKCS8_PREFIX.length + KEY_BYTES);
  der.set(PKCS8_PREFIX);
  der.set(seed, PKCS8_PREFIX.length);
  return der;
}
