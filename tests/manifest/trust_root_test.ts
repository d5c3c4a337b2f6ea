import assert from "node:assert/strict";
import fc from "fast-check";
import type {
  JsonObject,
  JsonValue,
} from "../../lib/manifest/canonical_json.ts";
import { publicKeyPem } from "../../lib/manifest/public_key.ts";
import {
  parseTrustRoot,
  sameTrustRoot,
  trustRootContent,
} from "../../lib/manifest/trust_root.ts";
import { testSigningKey } from "../support/signing_keys.ts";
import { trustRoot } from "../support/trust_roots.ts";

const [alice, bob, carol] = await Promise.all([
  testSigningKey(1),
  testSigningKey(2),
  testSigningKey(3),
]);
const KEYS = [alice.publicKey.keyId, bob.publicKey.keyId];

function reasonFor(value: JsonValue): string {
  const result = parseTrustRoot(value);
  assert.ok(!result.ok, JSON.stringify(value));
  return result.reason;
}

Deno.test("parseTrustRoot() needs keys only", () => {
  const root = trustRoot([alice, bob]);
  assert.equal(root.trustVersion, 1);
  assert.equal(root.minimumVersion, 1);
  assert.equal(root.expiresAtMs, undefined);
  assert.equal(root.manifestKeys.threshold, 1);
  assert.deepEqual([...root.manifestKeys.keys.keys()], KEYS);
  assert.deepEqual(root.successorKeys, root.manifestKeys);
});

Deno.test("parseTrustRoot() reads every member", () => {
  const result = parseTrustRoot({
    trust_version: 3,
    keys: [alice.publicKey.bytes.toHex(), publicKeyPem(bob.publicKey)],
    threshold: 2,
    successor_keys: [carol.publicKey.bytes.toBase64()],
    successor_threshold: 1,
    minimum_version: 1795334400,
    expires_at: "2028-01-01T00:00:00Z",
  });
  assert.ok(result.ok);
  const { manifestKeys, successorKeys } = result.value;
  assert.deepEqual([...manifestKeys.keys.keys()], KEYS);
  assert.equal(manifestKeys.threshold, 2);
  assert.deepEqual([...successorKeys.keys.keys()], [carol.publicKey.keyId]);
  assert.equal(successorKeys.threshold, 1);
  assert.equal(result.value.trustVersion, 3);
  assert.equal(result.value.minimumVersion, 1795334400);
  assert.equal(result.value.expiresAtMs, Date.UTC(2028, 0));
});

Deno.test("parseTrustRoot() gives the successor the keys' own threshold", () => {
  const root = trustRoot([alice, bob], { threshold: 2 });
  assert.equal(root.successorKeys.threshold, 2);
  assert.match(
    reasonFor({ keys: KEYS, threshold: 2, successor_keys: [KEYS[0] ?? ""] }),
    /threshold 2 does not fit 1/,
  );
  const lower = trustRoot([alice, bob], {
    threshold: 2,
    successor_threshold: 1,
  });
  assert.equal(lower.successorKeys.threshold, 1);
  assert.equal(lower.successorKeys.keys.size, 2);
});

Deno.test("parseTrustRoot() refuses what it could not enforce", () => {
  const wrong: readonly (readonly [JsonObject, RegExp])[] = [
    [{ keys: undefined }, /^keys is not a list/],
    [{ keys: [] }, /no key to trust/],
    [{ keys: ["x"] }, /^keys.0 is not usable: not a public key/],
    [{ keys: [7] }, /^keys.0/],
    [{ threshold: 0 }, /^threshold/],
    [{ threshold: 3 }, /threshold 3 does not fit 2/],
    [{ keys: [KEYS[0] ?? "", KEYS[0] ?? ""], threshold: 2 }, /1 different/],
    [{ trust_version: 0 }, /^trust_version/],
    [{ minimum_version: -1 }, /^minimum_version/],
    [{ expires_at: "never" }, /^expires_at/],
    [{ treshold: 2 }, /^treshold .*did you mean threshold/],
    [{ manifest_version: 1, channel: "stable" }, /^manifest_version/],
  ];
  for (const [changes, reason] of wrong) {
    assert.match(reasonFor({ keys: KEYS, ...changes }), reason);
  }
  assert.match(reasonFor([]), /not an object/);
});

Deno.test("parseTrustRoot() never throws", () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => {
    const plain: JsonValue = JSON.parse(JSON.stringify(value));
    parseTrustRoot(plain);
    parseTrustRoot({ keys: plain, threshold: plain, successor_keys: plain });
  }));
});

Deno.test("trustRootContent() writes what parseTrustRoot() reads back", () => {
  const roots = [
    trustRoot([alice]),
    trustRoot([alice, bob], {
      trust_version: 9,
      threshold: 2,
      successor_keys: [carol.publicKey.keyId],
      successor_threshold: 1,
      minimum_version: 5,
      expires_at: "2028-01-01T00:00:00Z",
    }),
  ];
  for (const root of roots) {
    assert.deepEqual(parseTrustRoot(trustRootContent(root)), {
      ok: true,
      value: root,
    });
  }
});

Deno.test("sameTrustRoot() compares what is said, not how it is written", () => {
  assert.ok(sameTrustRoot(trustRoot([alice, bob]), trustRoot([bob, alice])));
  assert.ok(!sameTrustRoot(trustRoot([alice]), trustRoot([bob])));
  assert.ok(
    !sameTrustRoot(
      trustRoot([alice]),
      trustRoot([alice], { trust_version: 2 }),
    ),
  );
});
