import fc from "fast-check";
import assert from "node:assert/strict";
import {
  canonicalize,
  type JsonObject,
  type JsonValue,
} from "../../lib/manifest/canonical_json.ts";
import {
  encodeEnvelope,
  MAX_ENVELOPE_BYTES,
  openEnvelope,
} from "../../lib/manifest/envelope.ts";
import { publicKey, publicKeyPem } from "../../lib/manifest/public_key.ts";
import { sha256 } from "../../lib/manifest/sha256.ts";
import { sealEnvelope } from "../../lib/manifest/sign_envelope.ts";
import { hasOpenssl, openssl } from "../support/openssl.ts";
import { testSigningKey } from "../support/signing_keys.ts";

const utf8 = new TextEncoder();
const CONTENT: JsonObject = { manifest_version: 7, channel: "stable" };
const SIGNATURE = {
  keyId: `ed25519:${"ab".repeat(32)}`,
  signature: new Uint8Array(64).fill(1),
};

function codeOf(bytes: Uint8Array): string {
  const result = openEnvelope(bytes);
  assert.ok(!result.ok);
  return result.reason.code;
}

/** An envelope with some of its members replaced. */
function forged(changes: JsonObject): Uint8Array {
  const envelope: JsonObject = JSON.parse(
    new TextDecoder().decode(encodeEnvelope(CONTENT, [SIGNATURE])),
  );
  return utf8.encode(JSON.stringify({ ...envelope, ...changes }));
}

function signedText(text: string): JsonObject {
  return { signed: { data: utf8.encode(text).toBase64() } };
}

Deno.test("encodeEnvelope() writes content, signatures and the signed bytes", () => {
  assert.equal(
    new TextDecoder().decode(encodeEnvelope({ b: 1, a: "x" }, [{
      keyId: "ed25519:k",
      signature: Uint8Array.of(1, 2, 3),
    }])),
    '{"a":"x","b":1,"signatures":[{"keyid":"ed25519:k","sig":"AQID"}],"signed":{"data":"eyJhIjoieCIsImIiOjF9"}}',
  );
});

Deno.test("openEnvelope() gives back what encodeEnvelope() was given", () => {
  assert.deepEqual(openEnvelope(encodeEnvelope(CONTENT, [SIGNATURE])), {
    ok: true,
    value: {
      content: CONTENT,
      data: utf8.encode(canonicalize(CONTENT)),
      signatures: [SIGNATURE],
    },
  });
});

Deno.test("openEnvelope() does not mind how the outside is spaced and ordered", () => {
  const envelope: JsonObject = JSON.parse(
    new TextDecoder().decode(encodeEnvelope(CONTENT, [])),
  );
  const pretty = JSON.stringify(
    Object.fromEntries(Object.entries(envelope).reverse()),
    null,
    2,
  );
  assert.ok(openEnvelope(utf8.encode(pretty)).ok);
});

Deno.test("openEnvelope() takes 1 MiB and not a byte more", () => {
  const bytes = encodeEnvelope(CONTENT, []);
  const padded = new Uint8Array(MAX_ENVELOPE_BYTES + 1).fill(0x20);
  padded.set(bytes);
  assert.ok(openEnvelope(padded.subarray(0, MAX_ENVELOPE_BYTES)).ok);
  assert.equal(codeOf(padded), "too_large");
});

Deno.test("openEnvelope() refuses what is not an envelope", () => {
  const texts = ["", "{", "[]", "null", "7", '"x"', "{}", "<html></html>"];
  for (const text of texts) {
    assert.equal(codeOf(utf8.encode(text)), "malformed");
  }
  const changes: readonly JsonObject[] = [
    { signed: undefined },
    { signed: "x" },
    { signed: {} },
    { signed: { data: 7 } },
    { signed: { data: "e30" } },
    { signed: { data: "e30=\n" } },
    signedText(""),
    signedText("[]"),
    signedText("{"),
    signedText("\ufeff{}"),
    signedText('{"channel":"testing","channel":"stable","manifest_version":7}'),
    { signatures: undefined },
    { signatures: {} },
    { signatures: ["x"] },
    { signatures: [{ keyid: "k" }] },
    { signatures: [{ keyid: 1, sig: "AQID" }] },
    { signatures: [{ keyid: "k", sig: "?" }] },
    { signatures: new Array(65).fill({ keyid: "k", sig: "AQID" }) },
  ];
  for (const change of changes) {
    assert.equal(codeOf(forged(change)), "malformed", JSON.stringify(change));
  }
});

Deno.test("openEnvelope() refuses an outside that differs from the inside", () => {
  const changes: readonly JsonObject[] = [
    { channel: "testing" },
    { manifest_version: 8 },
    { channel: undefined },
    { cmdline: "init=/bin/sh" },
    { Channel: "stable" },
    { signed: { data: "e30=" } },
  ];
  for (const change of changes) {
    assert.equal(codeOf(forged(change)), "outer_differs");
  }
});

Deno.test("openEnvelope() refuses an inside that is not canonical", () => {
  const texts = [
    '{"manifest_version":7,"channel":"stable"}',
    '{"channel":"stable", "manifest_version":7}',
    '{"channel":"stable","manifest_version":7.0}',
    '{"channel":"stable","manifest_version":7}\n',
    '{"channel":"\\u0073table","manifest_version":7}',
    '{"channel":"stable","manifest_version":6.9999999999999999}',
  ];
  for (const text of texts) {
    assert.equal(codeOf(forged(signedText(text))), "not_canonical", text);
  }
});

Deno.test("openEnvelope() refuses an outside that says a thing twice", () => {
  const text = new TextDecoder().decode(encodeEnvelope(CONTENT, []));
  const twice = text.replace("{", '{"channel":"testing",');
  assert.equal(codeOf(utf8.encode(twice)), "malformed");
});

Deno.test("openEnvelope() refuses numbers and strings that have no canonical form", () => {
  for (const text of ['{"a":1e999}', '{"a":"\\ud800"}', '{"\\udc00":1}']) {
    assert.equal(codeOf(forged(signedText(text))), "not_canonical", text);
  }
  const deep = `{"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}`;
  assert.equal(codeOf(forged(signedText(deep))), "not_canonical");
  const outer = new TextDecoder().decode(encodeEnvelope(CONTENT, []))
    .replace("{", '{"a":"\\ud800",');
  assert.equal(codeOf(utf8.encode(outer)), "outer_differs");
});

Deno.test("openEnvelope() refuses two signatures by one key", () => {
  const twice = encodeEnvelope(CONTENT, [SIGNATURE, {
    ...SIGNATURE,
    signature: new Uint8Array(64).fill(2),
  }]);
  assert.equal(codeOf(twice), "duplicate_keyid");
});

Deno.test("openEnvelope() keeps signatures of algorithms it does not know", () => {
  const other = { keyId: "mldsa65:k", signature: new Uint8Array(3309) };
  const result = openEnvelope(encodeEnvelope(CONTENT, [other, SIGNATURE]));
  assert.ok(result.ok);
  assert.equal(result.value.signatures.length, 2);
});

Deno.test("openEnvelope() never throws", () => {
  fc.assert(fc.property(fc.uint8Array(), (bytes) => void openEnvelope(bytes)));
  fc.assert(fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
    const plain: JsonValue[] = JSON.parse(JSON.stringify([a, b]));
    openEnvelope(forged({ signatures: plain[0], signed: plain[1] }));
    openEnvelope(forged({ signatures: [plain[0] ?? null, plain[1] ?? null] }));
    openEnvelope(forged(signedText(JSON.stringify(plain[0]))));
  }));
});

Deno.test({
  name:
    "openssl accepts a signature over the SHA-256 of the data (needs OpenSSL 3)",
  ignore: !hasOpenssl,
  async fn() {
    const signer = await testSigningKey(1);
    const envelope = openEnvelope(await sealEnvelope(CONTENT, [signer]));
    assert.ok(envelope.ok);
    const { data, signatures: [first] } = envelope.value;
    assert.ok(first);
    const directory = await Deno.makeTempDir();
    const file = (name: string) => `${directory}/${name}`;
    const verify = () =>
      openssl(
        ...["pkeyutl", "-verify", "-rawin", "-pubin"],
        ...["-inkey", file("key"), "-in", file("in"), "-sigfile", file("sig")],
      );
    try {
      await Deno.writeTextFile(
        file("key"),
        publicKeyPem(
          publicKey(Uint8Array.fromHex(first.keyId.replace("ed25519:", ""))),
        ),
      );
      await Deno.writeFile(file("sig"), first.signature);
      await Deno.writeFile(file("in"), await sha256(data));
      assert.match(await verify(), /Verified Successfully/);
      await Deno.writeFile(file("in"), await sha256(data.slice(1)));
      await assert.rejects(verify());
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});
