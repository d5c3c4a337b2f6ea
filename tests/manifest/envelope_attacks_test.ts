/**
 * Attacks on the form of an envelope: what it says twice, or in another way
 * than was signed. As those of tuf_attacks_test.ts, each begins with what would
 * be accepted if a certain check were not there.
 */
import assert from "node:assert/strict";
import type { JsonObject } from "../../lib/manifest/canonical_json.ts";
import { openEnvelope } from "../../lib/manifest/envelope.ts";
import { sealEnvelope } from "../../lib/manifest/sign_envelope.ts";
import {
  answerTo,
  contentOf,
  envelope,
  files,
  good,
  mallory,
  membersOf,
  owner,
  policy,
  promise,
  signaturesOf,
} from "../support/attacked_manifest.ts";
import { hashedImage } from "../support/hashed_image.ts";

const utf8 = new TextEncoder();

Deno.test("key compromise below the threshold: one key in two spellings", async () => {
  const once = await promise({ signers: [mallory] });
  const [signature] = signaturesOf(once);
  const keyId = mallory.publicKey.keyId;
  const spelledTwice = envelope({
    ...membersOf(once),
    signatures: [signature ?? null, {
      ...signature,
      keyid: `ed25519:${keyId.slice("ed25519:".length).toUpperCase()}`,
    }],
  });
  assert.equal(
    await answerTo(
      spelledTwice,
      policy({ keys: [owner, mallory], threshold: 2 }),
    ),
    "below_threshold",
  );
});

Deno.test("duplicate keyid: one signature twice is not two", async () => {
  const once = await promise({ signers: [mallory] });
  const [signature] = signaturesOf(once);
  const twice = envelope({
    ...membersOf(once),
    signatures: [signature ?? null, signature ?? null],
  });
  const asked = policy({ keys: [owner, mallory], threshold: 2 });
  assert.equal(await answerTo(twice, asked), "duplicate_keyid");
});

Deno.test("signature wrapping: the outside says what was not signed", async () => {
  const changes: readonly JsonObject[] = [
    { version: "2099.01.01" },
    { expires_at: "2099-01-01T00:00:00Z" },
    { cmdline: "init=/bin/sh" },
    { artifacts: membersOf(await promise({ image: hashedImage() })).artifacts },
  ];
  for (const change of changes) {
    const wrapped = envelope({ ...membersOf(good), ...change });
    assert.equal(await answerTo(wrapped), "outer_differs");
  }
});

Deno.test("signature wrapping: the outside says a thing twice", async () => {
  const text = new TextDecoder().decode(good);
  const twice = utf8.encode(text.replace("{", '{"cmdline":"init=/bin/sh",'));
  assert.equal(await answerTo(twice), "outer_differs");
  const cmdline = await promise({ image: { ...files, cmdline: "quiet" } });
  const shadowed = utf8.encode(
    new TextDecoder().decode(cmdline)
      .replace("{", '{"cmdline":"init=/bin/sh",'),
  );
  assert.equal(await answerTo(cmdline), "accepted");
  assert.equal(await answerTo(shadowed), "malformed");
});

Deno.test("canonical JSON: a number that readers round differently", async () => {
  // 2^53 + 1 reads as 2^53 in JavaScript and as itself elsewhere.
  const content = { ...contentOf(good), manifest_version: 2 ** 53 };
  const rounded = await sealEnvelope(content, [owner]);
  assert.equal(await answerTo(rounded), "malformed");
});

Deno.test("canonical JSON: the same value written in another way", async () => {
  const spellings: readonly (readonly [find: string, replace: string])[] = [
    ['"size":7', '"size":7.0'],
    ['"size":7', '"size":0.7e1'],
    ['"arm64"', '"\\u0061rm64"'],
    ['"arch":', '"arch": '],
  ];
  for (const [find, replace] of spellings) {
    const opened = openEnvelope(good);
    assert.ok(opened.ok);
    const text = new TextDecoder().decode(opened.value.data);
    const respelled = utf8.encode(text.replace(find, replace));
    const digest = await crypto.subtle.digest("SHA-256", respelled);
    const signature = await owner.sign(new Uint8Array(digest));
    const bytes = envelope({
      ...membersOf(good),
      signatures: [{
        keyid: owner.publicKey.keyId,
        sig: signature.toBase64(),
      }],
      signed: { data: respelled.toBase64() },
    });
    assert.equal(await answerTo(bytes), "not_canonical", replace);
  }
});

Deno.test("canonical JSON: letters that look the same are not", async () => {
  const composed = "caf\u00e9";
  const bytes = await promise({ image: { ...files, version: composed } });
  assert.equal(await answerTo(bytes), "accepted");
  const decomposed = envelope({
    ...membersOf(bytes),
    version: composed.normalize("NFD"),
  });
  assert.equal(await answerTo(decomposed), "outer_differs");
});
