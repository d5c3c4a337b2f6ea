import { publicKeyOfDer } from "../core/ed25519_pem.ts";

/** How a public key in a DER file begins, read as text. */
const PUBLIC_DER = "0*0\x05\x06\x03+ep\x03!\0";
/** A private one: version 0, or 1 with the public key behind it (RFC 5958). */
const PRIVATE_DER = ["0.\x02\x01\0", "0Q\x02\x01\x01"]
  .map((start) => `${start}0\x05\x06\x03+ep`);

/** A form in which other programs write public keys. */
interface ForeignForm {
  readonly name: string;
  readonly text: RegExp;
  /** The 32 bytes of the key among those of the form. */
  readonly keyOf: (bytes: Uint8Array) => Uint8Array | undefined;
}

/** The base64 of each is what the first group of `text` matches. */
const FORMS: readonly ForeignForm[] = [
  {
    name: "base64url or unpadded base64",
    text: /^([\w+/-]{43}=?)$/,
    keyOf: (bytes) => bytes,
  },
  {
    name: "DER",
    text: /^([A-Za-z0-9+/]{58}[A-Za-z0-9+/=]{2})$/,
    keyOf: publicKeyOfDer,
  },
  {
    // RFC 8709, section 4: length and name, length and key.
    name: "OpenSSH's format",
    text: /^ssh-ed25519 +([A-Za-z0-9+/]{68})(?:\s|$)/,
    keyOf: (bytes) => bytes.subarray(19),
  },
  {
    // "Ed", eight bytes of key id, and the key.
    name: "minisign's format",
    text: /^(?:untrusted comment:.*\s+)?(RW[A-Za-z0-9+/]{54})$/,
    keyOf: (bytes) => bytes.subarray(10),
  },
];

/**
 * Says what form a public key has that is not read here, and how it is written
 * in one that is.
 *
 * @param text without white space around it
 * @returns undefined when it looks like none that is known
 */
export function foreignPublicKey(text: string): string | undefined {
  if (text.startsWith(PUBLIC_DER)) {
    return "a key in DER; convert it with: openssl pkey -pubin -inform DER -in FILE -out FILE.pem";
  }
  for (const { name, text: pattern, keyOf } of FORMS) {
    const base64 = pattern.exec(text)?.[1];
    const key = base64 && keyOf(bytesOf(base64));
    if (key && key.length === 32) {
      return `a key in ${name}; write it as ed25519:${key.toHex()}`;
    }
  }
  return undefined;
}

/**
 * Names the kind of a private key in a foreign format, or undefined if it is
 * none we know. No part of the key is repeated.
 */
export function foreignPrivateKey(text: string): string | undefined {
  if (PRIVATE_DER.some((start) => text.startsWith(start))) {
    return "a key in DER; convert it with: openssl pkey -inform DER -in FILE -out FILE.pem";
  }
  if (text.includes("BEGIN OPENSSH PRIVATE KEY")) {
    return "a key in OpenSSH's format, which ssh-keygen cannot convert";
  }
  if (/^untrusted comment:.*\s+RW[A-Za-z0-9+/=]+\s*$/.test(text)) {
    return "a key in minisign's format, which minisign cannot convert";
  }
  return /^\s*(?:[\w+/-]{43}=?|[0-9a-f]{64})\s*$/i.test(text)
    ? "bare bytes in base64url, base64 or hex, which do not say whether they are private"
    : undefined;
}

/** Decodes base64 of either alphabet; empty where it is not base64. */
function bytesOf(base64: string): Uint8Array {
  try {
    return Uint8Array.fromBase64(
      base64.replaceAll("-", "+").replaceAll("_", "/"),
    );
  } catch {
    return new Uint8Array();
  }
}
