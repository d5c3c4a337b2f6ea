import assert from "node:assert/strict";
import type { JsonObject } from "../../lib/manifest/canonical_json.ts";
import { sealEnvelope } from "../../lib/manifest/sign_envelope.ts";
import type { SigningKey } from "../../lib/manifest/signing_key.ts";
import {
  parseTrustRoot,
  type TrustRoot,
  trustRootContent,
} from "../../lib/manifest/trust_root.ts";

/** A trust document of these keys. */
export function trustRoot(
  keys: readonly SigningKey[],
  members: JsonObject = {},
): TrustRoot {
  const root = parseTrustRoot({
    keys: keys.map(({ publicKey }) => publicKey.keyId),
    ...members,
  });
  assert.ok(root.ok, root.ok ? "" : root.reason);
  return root.value;
}

/** A trust document in its envelope. */
export async function sealTrustRoot(
  root: TrustRoot,
  signers: readonly SigningKey[],
): Promise<Uint8Array<ArrayBuffer>> {
  return await sealEnvelope(trustRootContent(root), signers);
}
