import { decodeBase64 } from "../core/base64.ts";
import { printable } from "../core/printable.ts";
import { ok, refuse, refuseAs, type Result } from "../core/result.ts";
import {
  canonicalize,
  canonicalizeUntrusted,
  isJsonObject,
  isSameJson,
  type JsonObject,
  type JsonValue,
  parseJson,
} from "./canonical_json.ts";
import type { Refusal } from "./refusal.ts";

/** The most bytes an envelope may have; a client fetches no more. */
export const MAX_ENVELOPE_BYTES = 1024 * 1024;

/** Far more than the keys anyone distributes. */
const MAX_SIGNATURES = 64;

/** One signature, not yet checked. */
export interface EnvelopeSignature {
  /** Says which key to check it with; of any form, since algorithms change. */
  readonly keyId: string;
  /** 64 bytes, if it is Ed25519. */
  readonly signature: Uint8Array<ArrayBuffer>;
}

/** A document together with the exact bytes that are signed. */
export interface Envelope {
  /** Canonical JSON of the content. */
  readonly data: Uint8Array<ArrayBuffer>;
  /** What `data` holds; nothing else of an envelope may be used. */
  readonly content: JsonObject;
  /** No two by the same key. */
  readonly signatures: readonly EnvelopeSignature[];
}

/**
 * Opens an envelope: its outer members must say exactly what the signed bytes
 * say, so that a reader of the outer members alone is not deceived. Checks no
 * signature, and nothing of the content.
 */
export function openEnvelope(bytes: Uint8Array): Result<Envelope, Refusal> {
  if (bytes.length > MAX_ENVELOPE_BYTES) {
    return refuseAs("too_large", "more than 1 MiB");
  }
  const parsed = parseJson(bytes);
  if (!parsed.ok) return malformed(parsed.reason);
  if (!isJsonObject(parsed.value)) return malformed("not a JSON object");
  const { signatures: list, signed, ...outer } = parsed.value;

  const data = isJsonObject(signed) && typeof signed.data === "string"
    ? decodeBase64(signed.data)
    : undefined;
  if (data === undefined) return malformed("signed.data is not base64");
  const content = parseJson(data);
  if (!content.ok) return malformed(`signed.data: ${content.reason}`);
  if (!isJsonObject(content.value)) {
    return malformed("signed.data: not a JSON object");
  }
  if (!isCanonicalTextOf(data, content.value)) {
    return refuseAs(
      "not_canonical",
      "signed.data is not canonical JSON (RFC 8785)",
    );
  }
  if (!isSameJson(outer, content.value)) {
    return refuseAs(
      "outer_differs",
      "the members outside signed.data differ from those inside",
    );
  }
  const signatures = readSignatures(list);
  return signatures.ok
    ? ok({ data, content: content.value, signatures: signatures.value })
    : signatures;
}

/**
 * Writes an envelope as canonical JSON.
 *
 * @param content must not have the members `signatures` and `signed`
 * @param signatures are put in the order of their keys, so that the order of
 * signing does not show
 */
export function encodeEnvelope(
  content: JsonObject,
  signatures: readonly EnvelopeSignature[],
): Uint8Array<ArrayBuffer> {
  const list = signatures.map(({ keyId, signature }) => ({
    keyid: keyId,
    sig: signature.toBase64(),
  })).sort((a, b) => a.keyid < b.keyid ? -1 : 1);
  return new TextEncoder().encode(canonicalize({
    ...content,
    signatures: list,
    signed: { data: signedData(content).toBase64() },
  }));
}

/** The bytes of a document that are hashed and signed. */
export function signedData(content: JsonObject): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(canonicalize(content));
}

function readSignatures(
  list: JsonValue | undefined,
): Result<EnvelopeSignature[], Refusal> {
  if (!Array.isArray(list) || list.length > MAX_SIGNATURES) {
    return malformed(`signatures is not a list of at most ${MAX_SIGNATURES}`);
  }
  const found = new Map<string, EnvelopeSignature>();
  for (const item of list) {
    if (
      !isJsonObject(item) || typeof item.keyid !== "string" ||
      typeof item.sig !== "string"
    ) {
      return malformed("a signature lacks keyid or sig");
    }
    const signature = decodeBase64(item.sig);
    if (signature === undefined) return malformed("a sig is not base64");
    if (found.has(item.keyid)) {
      return refuseAs(
        "duplicate_keyid",
        `signed twice by ${printable(item.keyid, 80)}`,
      );
    }
    found.set(item.keyid, { keyId: item.keyid, signature });
  }
  return ok([...found.values()]);
}

function isCanonicalTextOf(data: Uint8Array, value: JsonValue): boolean {
  const text = canonicalizeUntrusted(value);
  return text.ok && text.value === new TextDecoder().decode(data);
}

function malformed(message: string): Result<never, Refusal> {
  return refuse({ code: "malformed", message });
}
