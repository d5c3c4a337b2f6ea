import assert from "node:assert/strict";
import { ok, refuse } from "../../lib/core/result.ts";
import { UserError } from "../../lib/core/errors.ts";
import {
  ClientTrust,
  type TrustAnchor,
} from "../../lib/discover/client_trust.ts";
import type { FetchTrust } from "../../lib/manifest/trust_chain.ts";
import { trustKeys } from "../../lib/manifest/trusted_keys.ts";
import type { VerifiedManifest } from "../../lib/manifest/verify_envelope.ts";
import { MemoryFileSystem } from "../support/memory_file_system.ts";
import { verified } from "../support/memory_source.ts";
import { testSigningKey } from "../support/signing_keys.ts";
import { sealTrustRoot, trustRoot } from "../support/trust_roots.ts";

const NOW = Date.parse("2026-11-22T12:00:00Z");
const IMAGE = { channel: "stable", arch: "arm64" };
const STATE = "/state/client.json";
const { signal } = new AbortController();
const ASKED = { from: "10.0.0.1:8080", now: NOW, signal };
const [alice, bob, carol] = await Promise.all([
  testSigningKey(1),
  testSigningKey(2),
  testSigningKey(3),
]);

const v1 = trustRoot([alice]);
const v2 = trustRoot([bob], { trust_version: 2 });
const v3 = trustRoot([carol], { trust_version: 3 });
const v2Bytes = await sealTrustRoot(v2, [alice, bob]);
const v3Bytes = await sealTrustRoot(v3, [bob, carol]);

const rooted: TrustAnchor = { kind: "root", shipped: v1 };
const nothing: FetchTrust = () => Promise.resolve(ok(undefined));

/** Serves documents by number, as a provider does. */
function provider(
  documents: Readonly<Record<number, Uint8Array>>,
): FetchTrust {
  return (number) => Promise.resolve(ok(documents[number]));
}

function open(
  anchor: TrustAnchor,
  { fileSystem, clockTrusted = true }: {
    fileSystem?: MemoryFileSystem;
    clockTrusted?: boolean;
  } = {},
): Promise<ClientTrust> {
  return ClientTrust.open({
    anchor,
    store: fileSystem && { path: STATE, fileSystem },
    clockTrusted,
  }, { signal });
}

function keysOf(...keys: typeof alice[]): TrustAnchor {
  const trusted = trustKeys(keys.map(({ publicKey }) => publicKey), 1);
  assert.ok(trusted.ok);
  return { kind: "keys", keys: trusted.value };
}

async function policyOf(trust: ClientTrust, fetchTrust = nothing) {
  const policy = await trust.policyFor(IMAGE, fetchTrust, ASKED);
  assert.ok(policy.ok, policy.ok ? "" : policy.reason.message);
  return policy.value;
}

/** The ids of the keys that a client of this trust asks for. */
async function trustedBy(trust: ClientTrust, fetchTrust = nothing) {
  const { trusted } = await policyOf(trust, fetchTrust);
  return [...trusted?.keys.keys() ?? []];
}

function signedBy(
  { publicKey }: typeof alice,
  manifestVersion: number,
): VerifiedManifest {
  return verified({ manifestVersion, verifiedBy: [publicKey.keyId] });
}

Deno.test("ClientTrust of nobody verifies nothing, and remembers nothing of what anybody says", async () => {
  const fileSystem = new MemoryFileSystem();
  const trust = await open({ kind: "nobody" }, { fileSystem });
  assert.equal(trust.isVerifying, false);
  assert.deepEqual(await policyOf(trust), {
    image: IMAGE,
    minimumVersion: 1,
    clockTrusted: true,
  });
  await trust.remember([verified({ manifestVersion: 7 })], { signal });
  await assert.rejects(fileSystem.stat(STATE));
});

Deno.test("ClientTrust of keys never asks for trust documents", async () => {
  const trust = await open(keysOf(alice, bob));
  const policy = await policyOf(trust, () => assert.fail("asked"));
  assert.deepEqual([...policy.trusted?.keys.keys() ?? []], [
    alice.publicKey.keyId,
    bob.publicKey.keyId,
  ]);
  assert.ok(trust.isVerifying);
});

Deno.test("ClientTrust remembers the newest manifest, and asks for no older one from then on", async () => {
  const fileSystem = new MemoryFileSystem();
  const anchor = keysOf(alice);
  const first = await open(anchor, { fileSystem });
  await first.remember([signedBy(alice, 9), signedBy(alice, 7)], { signal });
  const second = await open(anchor, { fileSystem });
  assert.equal((await policyOf(second)).minimumVersion, 9);
  await second.remember([signedBy(alice, 8)], { signal });
  const third = await open(anchor, { fileSystem });
  assert.equal((await policyOf(third)).minimumVersion, 9);
});

Deno.test("ClientTrust keeps what another client wrote meanwhile", async () => {
  const fileSystem = new MemoryFileSystem();
  const anchor = keysOf(alice);
  const [first, second] = await Promise.all([
    open(anchor, { fileSystem }),
    open(anchor, { fileSystem }),
  ]);
  await first.remember([signedBy(alice, 9)], { signal });
  await second.remember([signedBy(alice, 5)], { signal });
  const third = await open(anchor, { fileSystem });
  assert.equal((await policyOf(third)).minimumVersion, 9);
});

Deno.test("ClientTrust refuses to start on a damaged state file", async () => {
  const fileSystem = new MemoryFileSystem().file(STATE, "{");
  await assert.rejects(
    open(keysOf(alice), { fileSystem }),
    (error) => error instanceof UserError && error.message.includes(STATE),
  );
});

Deno.test("ClientTrust of a root follows the documents of each provider", async () => {
  const trust = await open(rooted);
  assert.deepEqual(await trustedBy(trust), [alice.publicKey.keyId]);
  assert.deepEqual(
    await trustedBy(trust, provider({ 2: v2Bytes, 3: v3Bytes })),
    [carol.publicKey.keyId],
  );
});

Deno.test("ClientTrust never goes back to keys that one provider showed were succeeded", async () => {
  const trust = await open(rooted);
  await trustedBy(trust, provider({ 2: v2Bytes }));
  assert.deepEqual(await trustedBy(trust), [bob.publicKey.keyId]);
});

Deno.test("ClientTrust takes the newest document of providers that are asked side by side", async () => {
  const trust = await open(rooted);
  let answer = (_: Awaited<ReturnType<FetchTrust>>) => {};
  const slow = trustedBy(
    trust,
    (number) =>
      number === 2
        ? new Promise((resolve) => answer = resolve)
        : Promise.resolve(ok(undefined)),
  );
  await trustedBy(trust, provider({ 2: v2Bytes, 3: v3Bytes }));
  answer(ok(v2Bytes));
  assert.deepEqual(await slow, [carol.publicKey.keyId]);
});

Deno.test("ClientTrust does not follow a document that not enough of the old or of its own keys signed", async () => {
  const trust = await open(rooted);
  for (const signers of [[bob, carol], [alice]]) {
    const forged = await sealTrustRoot(v2, signers);
    assert.deepEqual(await trustedBy(trust, provider({ 2: forged })), [
      alice.publicKey.keyId,
    ]);
  }
});

Deno.test("ClientTrust says once which documents are not followed, and why", async () => {
  const trust = await open(rooted);
  const unheld = provider({ 2: await sealTrustRoot(v2, [alice]) });
  for (const fetchTrust of [nothing, unheld, unheld]) {
    await policyOf(trust, fetchTrust);
  }
  const slow = refuse({ code: "slow", message: "no answer" });
  await policyOf(trust, () => Promise.resolve(slow));
  const not = "Trust document 2 of 10.0.0.1:8080 is not followed:";
  assert.deepEqual(trust.problems, [
    `${not} signed by 0 of its own successor keys, not by 1 (below_threshold)`,
    `${not} no answer (slow)`,
  ]);
});

Deno.test("ClientTrust remembers documents, and asks the next provider only for what follows", async () => {
  const fileSystem = new MemoryFileSystem();
  const first = await open(rooted, { fileSystem });
  await trustedBy(first, provider({ 2: v2Bytes }));
  await first.remember([], { signal });

  const asked: number[] = [];
  const second = await open(rooted, { fileSystem });
  const trusted = await trustedBy(second, (number) => {
    asked.push(number);
    return Promise.resolve(ok(undefined));
  });
  assert.deepEqual(trusted, [bob.publicKey.keyId]);
  assert.deepEqual(asked, [3]);
});

Deno.test("ClientTrust follows at most 256 documents in a run, however many providers serve them", async () => {
  const trust = await open(rooted);
  const asked: number[] = [];
  const endless = (last: number): FetchTrust => async (number) => {
    asked.push(number);
    const root = trustRoot([alice], { trust_version: number });
    return ok(
      number > last ? undefined : await sealTrustRoot(root, [alice]),
    );
  };
  await trustedBy(trust, endless(200));
  await trustedBy(trust, endless(300));
  assert.equal(Math.max(...asked), 257);
});

Deno.test("ClientTrust starts over where other keys are shipped", async () => {
  const fileSystem = new MemoryFileSystem();
  const first = await open(rooted, { fileSystem });
  await trustedBy(first, provider({ 2: v2Bytes }));
  await first.remember([], { signal });
  const other = await open({ kind: "root", shipped: trustRoot([carol]) }, {
    fileSystem,
  });
  assert.deepEqual(await trustedBy(other), [carol.publicKey.keyId]);
});

Deno.test("ClientTrust of an expired root trusts only those who succeed it", async () => {
  const anchor: TrustAnchor = {
    kind: "root",
    shipped: trustRoot([alice], { expires_at: "2026-01-01T00:00:00Z" }),
  };
  const refused = await (await open(anchor))
    .policyFor(IMAGE, nothing, ASKED);
  assert.ok(!refused.ok);
  assert.equal(refused.reason.code, "trust_expired");
  assert.deepEqual(
    await trustedBy(await open(anchor), provider({ 2: v2Bytes })),
    [bob.publicKey.keyId],
  );
  // A board that woke up in 1970 cannot know.
  assert.deepEqual(
    await trustedBy(await open(anchor, { clockTrusted: false })),
    [alice.publicKey.keyId],
  );
});

Deno.test("ClientTrust forgets versions together with the key that may have raised them", async () => {
  const fileSystem = new MemoryFileSystem();
  const first = await open(rooted, { fileSystem });
  await first.remember([signedBy(alice, 2 ** 50)], { signal });
  const second = await open(rooted, { fileSystem });
  assert.equal((await policyOf(second)).minimumVersion, 2 ** 50);
  assert.equal(
    (await policyOf(second, provider({ 2: v2Bytes }))).minimumVersion,
    1,
  );
  await second.remember([signedBy(bob, 5)], { signal });
  const third = await open(rooted, { fileSystem });
  assert.equal((await policyOf(third)).minimumVersion, 5);
});

Deno.test("ClientTrust does not remember a manifest whose keys were succeeded in the same run", async () => {
  const fileSystem = new MemoryFileSystem();
  const first = await open(rooted, { fileSystem });
  // The thief of alice's key answers before anybody shows her successor.
  await policyOf(first);
  const stolen = signedBy(alice, 2 ** 50);
  assert.ok(first.stillTrusts(stolen));
  await policyOf(first, provider({ 2: v2Bytes }));
  assert.ok(!first.stillTrusts(stolen));
  await first.remember([stolen, signedBy(bob, 5)], { signal });

  const second = await open(rooted, { fileSystem });
  assert.equal((await policyOf(second)).minimumVersion, 5);
});

Deno.test("ClientTrust still trusts a manifest only by as many keys as are asked for now", async () => {
  const both = trustRoot([alice, bob], { trust_version: 2, threshold: 2 });
  const bytes = await sealTrustRoot(both, [alice, bob]);
  const trust = await open(rooted);
  const one = signedBy(alice, 5);
  const two = verified({
    verifiedBy: [alice.publicKey.keyId, bob.publicKey.keyId],
  });
  assert.ok(trust.stillTrusts(one));
  await policyOf(trust, provider({ 2: bytes }));
  assert.ok(!trust.stillTrusts(one));
  assert.ok(trust.stillTrusts(two));
});

Deno.test("ClientTrust of keys or of nobody trusts to the end what it took", async () => {
  assert.ok((await open(keysOf(alice))).stillTrusts(signedBy(alice, 5)));
  assert.ok((await open({ kind: "nobody" })).stillTrusts(verified()));
});
