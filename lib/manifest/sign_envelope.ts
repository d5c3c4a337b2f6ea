import { ok, refuseAs, type Result } from "../core/result.ts";
import type { JsonObject } from "./canonical_json.ts";
import {
  encodeEnvelope,
  type EnvelopeSignature,
  MAX_ENVELOPE_BYTES,
  openEnvelope,
  signedData,
} from "./envelope.ts";
import type { Refusal } from "./refusal.ts";
import { sha256 } from "./sha256.ts";
import type { SigningKey } from "./signing_key.ts";

/**
 * Puts a document into an envelope.
 *
 * @param content must not have the members `signatures` and `signed`
 * @param signers none for an envelope that is signed elsewhere
 */
export async function sealEnvelope(
  content: JsonObject,
  signers: readonly SigningKey[],
): Promise<Uint8Array<ArrayBuffer>> {
  return encodeEnvelope(content, await signAll(signedData(content), signers));
}

/**
 * Adds signatures to an envelope, which keeps those it has: several owners
 * can sign one after the other, on different machines, in any order. Look at
 * the content first: signing it is a promise.
 */
export async function addSignatures(
  bytes: Uint8Array,
  signers: readonly SigningKey[],
): Promise<Result<Uint8Array<ArrayBuffer>, Refusal>> {
  const envelope = openEnvelope(bytes);
  if (!envelope.ok) return envelope;
  const { content, data, signatures } = envelope.value;
  const added = await signAll(data, signers);
  const kept = signatures.filter(({ keyId }) =>
    !added.some((signature) => signature.keyId === keyId)
  );
  const sealed = encodeEnvelope(content, [...kept, ...added]);
  return sealed.length > MAX_ENVELOPE_BYTES
    ? refuseAs("too_large", "more than 1 MiB when it is signed")
    : ok(sealed);
}

async function signAll(
  data: Uint8Array<ArrayBuffer>,
  signers: readonly SigningKey[],
): Promise<EnvelopeSignature[]> {
  const digest = await sha256(data);
  // A key that is given twice signs once: readers refuse two of its signatures.
  const keys = new Map(signers.map((key) => [key.publicKey.keyId, key]));
  return await Promise.all([...keys].map(async ([keyId, key]) => ({
    keyId,
    signature: await key.sign(digest),
  })));
}
