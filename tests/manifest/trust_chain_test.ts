import assert from "node:assert/strict";
import { ok, refuse } from "../../lib/core/result.ts";
import {
  followTrust,
  readTrustEnvelope,
  trustPath,
  verifySuccessor,
} from "../../lib/manifest/trust_chain.ts";
import {
  addSignatures,
  sealEnvelope,
} from "../../lib/manifest/sign_envelope.ts";
import type { SigningKey } from "../../lib/manifest/signing_key.ts";
import type { TrustRoot } from "../../lib/manifest/trust_root.ts";
import { testSigningKey } from "../support/signing_keys.ts";
import { sealTrustRoot, trustRoot } from "../support/trust_roots.ts";

const options = { upTo: 257, signal: new AbortController().signal };
const [a, b, c, d] = await Promise.all([
  testSigningKey(1),
  testSigningKey(2),
  testSigningKey(3),
  testSigningKey(4),
]);

function root(
  trustVersion: number,
  keys: readonly SigningKey[],
  threshold = 1,
): TrustRoot {
  return trustRoot(keys, { trust_version: trustVersion, threshold });
}

async function codeFor(
  next: TrustRoot,
  signers: readonly SigningKey[],
  current: TrustRoot,
): Promise<string> {
  const verdict = await verifySuccessor(
    await sealTrustRoot(next, signers),
    current,
  );
  return verdict.ok ? "accepted" : verdict.reason.code;
}

/** A server that has these documents, and counts what it is asked for. */
function serving(documents: readonly Uint8Array[]) {
  const asked: number[] = [];
  return {
    asked,
    fetch: (trustVersion: number) => {
      asked.push(trustVersion);
      return Promise.resolve(ok(documents[trustVersion - 2]));
    },
  };
}

Deno.test("trustPath() is where providers serve a document", () => {
  assert.equal(trustPath(2), "/trust/2.json");
});

Deno.test("verifySuccessor() takes the next number, signed by the old keys", async () => {
  const current = root(1, [a, b, c], 2);
  const next = root(2, [d]);
  assert.equal(await codeFor(next, [a, c, d], current), "accepted");
  assert.equal(await codeFor(next, [a, d], current), "below_threshold");
  assert.equal(await codeFor(next, [d], current), "unknown_key");
  assert.equal(await codeFor(next, [], current), "unsigned");
});

Deno.test("verifySuccessor() takes successor keys, and manifest keys no longer", async () => {
  const current = trustRoot([a], { successor_keys: [b.publicKey.keyId] });
  const next = root(2, [c]);
  assert.equal(await codeFor(next, [b, c], current), "accepted");
  assert.equal(await codeFor(next, [a, c], current), "unknown_key");
});

Deno.test("verifySuccessor() takes a document that old and own keys signed, in any order and at any time", async () => {
  const current = root(1, [a, b], 2);
  const next = root(2, [c, d], 2);
  const documents = await Promise.all([
    sealTrustRoot(next, [a, b, c, d]),
    sealTrustRoot(next, [d, b, c, a]),
    addOneByOne(next, [c, a, d, b]),
    addOneByOne(next, [a, b, d, c]),
  ]);
  for (const bytes of documents) {
    // The order of signing does not show.
    assert.deepEqual(bytes, documents[0]);
    assert.deepEqual(await verifySuccessor(bytes, current), {
      ok: true,
      value: next,
    });
  }
  // Half of either is not enough, and does not stand in for the other.
  assert.equal(await codeFor(next, [a, b, c], current), "below_threshold");
  assert.equal(await codeFor(next, [a, b], current), "below_threshold");
  assert.equal(await codeFor(next, [a, c, d], current), "below_threshold");
  assert.equal(await codeFor(next, [c, d], current), "unknown_key");
});

async function addOneByOne(
  next: TrustRoot,
  signers: readonly SigningKey[],
): Promise<Uint8Array<ArrayBuffer>> {
  let bytes = await sealTrustRoot(next, []);
  for (const signer of signers) {
    const added = await addSignatures(bytes, [signer]);
    assert.ok(added.ok);
    bytes = added.value;
  }
  return bytes;
}

Deno.test("verifySuccessor() refuses another number than the next", async () => {
  const current = root(2, [a]);
  for (const trustVersion of [1, 2, 4]) {
    assert.equal(
      await codeFor(root(trustVersion, [b]), [a, b], current),
      "wrong_trust_version",
    );
  }
});

Deno.test("verifySuccessor() refuses signed documents of another kind", async () => {
  const bytes = await sealEnvelope({ manifest_version: 2, channel: "x" }, [a]);
  const verdict = await verifySuccessor(bytes, root(1, [a]));
  assert.ok(!verdict.ok);
  assert.equal(verdict.reason.code, "malformed");
  assert.ok(!readTrustEnvelope(bytes).ok);
});

Deno.test("followTrust() goes from v1 to v4, the threshold rising on the way", async () => {
  const v4 = root(4, [c, d], 2);
  const documents = [
    await sealTrustRoot(root(2, [b]), [a, b]),
    await sealTrustRoot(root(3, [b, c], 2), [b, c]),
    await sealTrustRoot(v4, [b, c, d]),
  ];
  const server = serving(documents);
  const followed = await followTrust(root(1, [a]), server.fetch, options);
  assert.deepEqual(followed, { root: v4 });
  assert.deepEqual(server.asked, [2, 3, 4, 5]);
});

Deno.test("followTrust() accepts signatures that were added one by one", async () => {
  const unsigned = await sealTrustRoot(root(2, [d]), []);
  const once = await addSignatures(unsigned, [a, d]);
  assert.ok(once.ok);
  const twice = await addSignatures(once.value, [b]);
  assert.ok(twice.ok);
  const start = root(1, [a, b, c], 2);
  assert.equal(
    (await followTrust(start, serving([once.value]).fetch, options)).root,
    start,
  );
  const followed = await followTrust(
    start,
    serving([twice.value]).fetch,
    options,
  );
  assert.equal(followed.root.trustVersion, 2);
});

Deno.test("followTrust() stays at the last document that verifies", async () => {
  const v2 = root(2, [b]);
  const documents = [
    await sealTrustRoot(v2, [a, b]),
    await sealTrustRoot(root(3, [d]), [a, d]),
    await sealTrustRoot(root(4, [d]), [d]),
  ];
  const server = serving(documents);
  const followed = await followTrust(root(1, [a]), server.fetch, options);
  assert.deepEqual(followed.root, v2);
  assert.equal(followed.refusal?.code, "unknown_key");
  assert.deepEqual(server.asked, [2, 3]);
});

Deno.test("followTrust() ends at the number it may follow up to, and says so", async () => {
  const documents = await Promise.all(
    [2, 3, 4].map((number) => sealTrustRoot(root(number, [a]), [a])),
  );
  const server = serving(documents);
  const followed = await followTrust(root(1, [a]), server.fetch, {
    ...options,
    upTo: 3,
  });
  assert.equal(followed.root.trustVersion, 3);
  assert.match(followed.refusal?.message ?? "", /more than 256 documents/);
  assert.deepEqual(server.asked, [2, 3]);
});

Deno.test("followTrust() says why a document could not be fetched", async () => {
  const refusal = { code: "slow", message: "no answer" };
  const start = root(1, [a]);
  const followed = await followTrust(
    start,
    () => Promise.resolve(refuse(refusal)),
    options,
  );
  assert.deepEqual(followed, { root: start, refusal });
});

Deno.test("followTrust() passes on what the fetch throws, and an abort", async () => {
  await assert.rejects(
    followTrust(
      root(1, [a]),
      () => Promise.reject(new Error("no route")),
      options,
    ),
    /no route/,
  );
  const controller = new AbortController();
  const documents = [await sealTrustRoot(root(2, [b]), [a, b])];
  await assert.rejects(
    followTrust(root(1, [a]), (trustVersion) => {
      controller.abort(new Error("time is up"));
      return serving(documents).fetch(trustVersion);
    }, { ...options, signal: controller.signal }),
    /time is up/,
  );
});
