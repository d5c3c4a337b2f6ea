import assert from "node:assert/strict";
import { type JsonObject } from "../../lib/manifest/canonical_json.ts";
import {
  addSignatures,
  sealEnvelope,
} from "../../lib/manifest/sign_envelope.ts";
import { testSigningKey } from "../support/signing_keys.ts";

const utf8 = new TextEncoder();
const CONTENT: JsonObject = { manifest_version: 7, channel: "stable" };

Deno.test("addSignatures() gives the same bytes in whatever order owners sign", async () => {
  const [a, b, c] = await Promise.all([1, 2, 3].map(testSigningKey));
  assert.ok(a && b && c);
  const atOnce = await sealEnvelope(CONTENT, [a, b, c]);
  let oneByOne = await sealEnvelope(CONTENT, []);
  for (const key of [c, a, a, b]) {
    const signed = await addSignatures(oneByOne, [key]);
    assert.ok(signed.ok);
    oneByOne = signed.value;
  }
  assert.deepEqual(oneByOne, atOnce);
});

Deno.test("sealEnvelope() and addSignatures() sign once with a key that is given twice", async () => {
  const [a, b] = await Promise.all([1, 2].map(testSigningKey));
  assert.ok(a && b);
  const sealed = await sealEnvelope(CONTENT, [a, b]);
  assert.deepEqual(await sealEnvelope(CONTENT, [a, b, a]), sealed);
  const signed = await addSignatures(await sealEnvelope(CONTENT, [a]), [b, b]);
  assert.deepEqual(signed, { ok: true, value: sealed });
});

Deno.test("addSignatures() refuses to sign what is no envelope", async () => {
  const result = await addSignatures(utf8.encode("{}"), [
    await testSigningKey(1),
  ]);
  assert.ok(!result.ok);
  assert.equal(result.reason.code, "malformed");
});
