/**
 * One test per attack that The Update Framework names (TUF specification,
 * section 1.5.2, and its conformance suite), from the side of a client. Every
 * one begins with what would be accepted if a certain check were not there:
 * tests/tools/mutate_checks.ts removes the checks one by one and shows that
 * the test of that attack then fails.
 *
 * Of two attacks little is left here: a manifest has no dependencies, and
 * what is slow is given up on before it is verified.
 */
import assert from "node:assert/strict";
import { ok } from "../../lib/core/result.ts";
import { checkCandidate } from "../../lib/discover/check_candidate.ts";
import {
  isJsonObject,
  type JsonObject,
} from "../../lib/manifest/canonical_json.ts";
import { checkSignedImage } from "../../lib/manifest/check_signed_image.ts";
import {
  EMPTY_CLIENT_STATE,
  minimumVersionOf,
  trustPolicyFor,
  withManifest,
  withTrust,
} from "../../lib/manifest/client_state.ts";
import {
  MAX_ENVELOPE_BYTES,
  openEnvelope,
} from "../../lib/manifest/envelope.ts";
import { issueManifest } from "../../lib/manifest/issue_manifest.ts";
import {
  addSignatures,
  sealEnvelope,
} from "../../lib/manifest/sign_envelope.ts";
import type { SigningKey } from "../../lib/manifest/signing_key.ts";
import {
  followTrust,
  verifySuccessor,
} from "../../lib/manifest/trust_chain.ts";
import { trustKeys } from "../../lib/manifest/trusted_keys.ts";
import {
  type TrustPolicy,
  verifyEnvelope,
} from "../../lib/manifest/verify_envelope.ts";
import { replyOf } from "../../lib/net/http1/get.ts";
import type { HashedImage } from "../../lib/scan/image_files.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { hashedArtifact, hashedImage } from "../support/hashed_image.ts";
import { testSigningKey } from "../support/signing_keys.ts";
import { sealTrustRoot, trustRoot } from "../support/trust_roots.ts";

const NOW = Date.parse("2026-11-22T12:00:00Z");
const DAY_MS = 86_400_000;
const IMAGE = { channel: "stable", arch: "arm64" };
const { signal } = new AbortController();
const utf8 = new TextEncoder();

const [owner, coOwner, mallory] = await Promise.all([
  testSigningKey(1),
  testSigningKey(2),
  testSigningKey(3),
]);
const files = hashedImage({ rootfs: hashedArtifact("rootfs.img") });
const good = await promise();

/** What the owner promises, or whoever signs. */
async function promise(
  { image = files, signers = [owner], now = NOW }: {
    image?: HashedImage;
    signers?: readonly SigningKey[];
    now?: number;
  } = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const issued = await issueManifest({ image, signers, now, expiresDays: 30 });
  return issued.bytes;
}

function policy(
  { keys = [owner], threshold = 1, ...rest }: Partial<TrustPolicy> & {
    keys?: readonly SigningKey[];
    threshold?: number;
  } = {},
): TrustPolicy {
  const trusted = trustKeys(keys.map(({ publicKey }) => publicKey), threshold);
  assert.ok(trusted.ok);
  return {
    trusted: trusted.value,
    image: IMAGE,
    minimumVersion: 1,
    clockTrusted: true,
    ...rest,
  };
}

/** What a client says to it: a reason code, or that it would boot it. */
async function answerTo(
  bytes: Uint8Array,
  asked: TrustPolicy = policy(),
  now = NOW,
): Promise<string> {
  const verdict = await verifyEnvelope(bytes, asked, now);
  return verdict.ok ? "accepted" : verdict.reason.code;
}

/** What a client says to somebody who sends this body, until it hangs up. */
async function answerToBody(
  body: (hungUp: AbortSignal) => ReadableStream<Uint8Array<ArrayBuffer>>,
  clock = new FakeClock("2026-11-22T12:00:00Z"),
): Promise<string> {
  const candidate = {
    manifestUrl: new URL("http://192.0.2.1/stable/arm64/manifest.json"),
    image: IMAGE,
    version: "2026.11.22",
    source: "mdns",
  } as const;
  const httpGet = (_: URL, options: { signal: AbortSignal }) =>
    Promise.resolve(replyOf(new Response(body(options.signal))));
  const checked = await checkCandidate(
    candidate,
    { policyFor: () => Promise.resolve(ok(policy())), httpGet, clock },
    { signal },
  );
  return checked.ok ? "accepted" : checked.reason.code;
}

/** The members of an envelope, as a forger edits them. */
function membersOf(bytes: Uint8Array): JsonObject {
  return JSON.parse(new TextDecoder().decode(bytes));
}

function envelope(members: JsonObject): Uint8Array<ArrayBuffer> {
  return utf8.encode(JSON.stringify(members));
}

/** What the signed bytes say. */
function contentOf(bytes: Uint8Array): JsonObject {
  const opened = openEnvelope(bytes);
  assert.ok(opened.ok);
  return opened.value.content;
}

function artifactsOf(bytes: Uint8Array): JsonObject {
  const { artifacts } = membersOf(bytes);
  assert.ok(isJsonObject(artifacts));
  return artifacts;
}

function signaturesOf(bytes: Uint8Array): readonly JsonObject[] {
  const { signatures } = membersOf(bytes);
  assert.ok(Array.isArray(signatures));
  return signatures;
}

Deno.test("the owner's own manifest is accepted", async () => {
  assert.equal(await answerTo(good), "accepted");
});

Deno.test("arbitrary installation: an image that the owner did not sign", async () => {
  const theirs = await promise({ signers: [mallory] });
  assert.equal(await answerTo(theirs), "unknown_key");
  assert.equal(await answerTo(await promise({ signers: [] })), "unsigned");
  const [signature] = signaturesOf(theirs);
  const inHisName = envelope({
    ...membersOf(theirs),
    signatures: [{ ...signature, keyid: owner.publicKey.keyId }],
  });
  assert.equal(await answerTo(inHisName), "bad_signature");
});

Deno.test("arbitrary installation: the owner's signature under another content", async () => {
  const theirs = await promise({
    image: hashedImage({
      kernel: hashedArtifact("vmlinuz", { content: "evil" }),
    }),
    signers: [],
  });
  const borrowed = envelope({
    ...membersOf(theirs),
    signatures: signaturesOf(good),
  });
  assert.equal(await answerTo(borrowed), "bad_signature");
});

Deno.test("endless data: a manifest that goes on after its end", async () => {
  const padded = new Uint8Array(MAX_ENVELOPE_BYTES + 1).fill(0x20);
  padded.set(good);
  assert.equal(await answerTo(padded), "too_large");
});

Deno.test("endless data: a body that goes on is not read on", async () => {
  const spaces = new Uint8Array(1 << 16).fill(0x20);
  let sentBytes = 0;
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      const chunk = sentBytes === 0 ? good : spaces;
      sentBytes += chunk.length;
      controller.enqueue(chunk);
      // Lets the test end when the client would read for ever.
      if (sentBytes > 64 * MAX_ENVELOPE_BYTES) controller.close();
    },
  });
  assert.equal(await answerToBody(() => body), "too_large");
  assert.ok(sentBytes < 2 * MAX_ENVELOPE_BYTES);
});

Deno.test("extraneous dependencies: a file is added to those that were signed", async () => {
  // Manifests depend on nothing: whatever is booted is named in the one that
  // is signed. What is left of the attack is to name more.
  const { initramfs } = artifactsOf(
    await promise({
      image: hashedImage({ initramfs: hashedArtifact("initramfs.img") }),
    }),
  );
  const more = envelope({
    ...membersOf(good),
    artifacts: { ...artifactsOf(good), initramfs },
  });
  assert.equal(await answerTo(more), "outer_differs");
});

Deno.test("fast-forward: a version that nobody can follow must be signed", async () => {
  const forged = await sealEnvelope({
    ...contentOf(good),
    manifest_version: Number.MAX_SAFE_INTEGER,
  }, [mallory]);
  assert.equal(await answerTo(forged), "unknown_key");
});

Deno.test("fast-forward: dropping the stolen key lets the client go on", async () => {
  const shipped = trustRoot([owner], {
    successor_keys: [coOwner.publicKey.keyId],
  });
  const stolen = await sealEnvelope({
    ...contentOf(good),
    manifest_version: Number.MAX_SAFE_INTEGER,
  }, [owner]);
  const verdict = await verifyEnvelope(stolen, policy(), NOW);
  assert.ok(verdict.ok);
  const stranded = withManifest(EMPTY_CLIENT_STATE, verdict.value.manifest);
  const minimumVersion = minimumVersionOf(stranded, IMAGE);
  assert.equal(await answerTo(good, policy({ minimumVersion })), "rollback");

  const v2 = await sealTrustRoot(
    trustRoot([mallory], { trust_version: 2 }),
    [coOwner],
  );
  const { root: current } = await followTrust(
    shipped,
    (trustVersion) => Promise.resolve(trustVersion === 2 ? v2 : undefined),
    { signal },
  );
  const recovered = trustPolicyFor(current, {
    state: withTrust(stranded, { shipped, current }),
    image: IMAGE,
    clockTrusted: true,
    now: NOW,
  });
  assert.ok(recovered.ok);
  const next = await promise({ signers: [mallory] });
  assert.equal(await answerTo(next, recovered.value), "accepted");
});

Deno.test("indefinite freeze: an old manifest served for ever", async () => {
  assert.equal(await answerTo(good, policy(), NOW + 29 * DAY_MS), "accepted");
  assert.equal(await answerTo(good, policy(), NOW + 30 * DAY_MS), "expired");
});

Deno.test("indefinite freeze: the successor of expired keys is withheld", async () => {
  const root = trustRoot([owner], { expires_at: "2026-11-22T12:00:00Z" });
  const v2 = trustRoot([coOwner], { trust_version: 2 });
  const documents = [await sealTrustRoot(v2, [owner])];
  const answerOf = async (served: readonly Uint8Array[]) => {
    const { root: newest } = await followTrust(
      root,
      (trustVersion) => Promise.resolve(served[trustVersion - 2]),
      { signal },
    );
    const asked = trustPolicyFor(newest, {
      state: EMPTY_CLIENT_STATE,
      image: IMAGE,
      clockTrusted: true,
      now: NOW,
    });
    return asked.ok ? "accepted" : asked.reason.code;
  };
  assert.equal(await answerOf([]), "trust_expired");
  // The keys that were shipped may have expired as long as others follow.
  assert.equal(await answerOf(documents), "accepted");
});

Deno.test("indefinite freeze: a promise dated ahead to last longer", async () => {
  const ahead = await promise({ now: NOW + 300 * DAY_MS });
  assert.equal(await answerTo(ahead), "from_the_future");
});

Deno.test("malicious mirror: no byte of a manifest can be changed", async () => {
  const outcomes = new Set<string>();
  for (let at = 0; at < good.length; at++) {
    const changed = good.slice();
    changed[at] = (changed[at] ?? 0) ^ 1;
    outcomes.add(await answerTo(changed));
  }
  assert.ok(!outcomes.has("accepted"), [...outcomes].join(" "));
});

Deno.test("malicious mirror: nor of a file that it serves", async () => {
  const changed = hashedArtifact("vmlinuz", { content: "vmlinuZ" });
  const checked = await checkSignedImage(good, { ...files, kernel: changed });
  assert.ok(!checked.ok);
  assert.equal(checked.reason.code, "artifact_differs");
});

Deno.test("mix-and-match: files of two releases under one manifest", async () => {
  const newer = hashedImage({
    kernel: hashedArtifact("vmlinuz", { content: "2nd.gen" }),
    rootfs: hashedArtifact("rootfs.img", { content: "second.gen" }),
  });
  const newest = await promise({ image: newer });
  assert.equal(await answerTo(newest), "accepted");
  const { kernel } = artifactsOf(good);
  const mixed = envelope({
    ...membersOf(newest),
    artifacts: { ...artifactsOf(newest), kernel },
  });
  assert.equal(await answerTo(mixed), "outer_differs");
  const checked = await checkSignedImage(newest, {
    ...newer,
    kernel: files.kernel,
  });
  assert.ok(!checked.ok);
  assert.equal(checked.reason.code, "artifact_differs");
});

Deno.test("rollback: an older manifest, signed as it was", async () => {
  const newest = await verifyEnvelope(
    await promise({ now: NOW + DAY_MS }),
    policy(),
    NOW + DAY_MS,
  );
  assert.ok(newest.ok);
  const state = withManifest(EMPTY_CLIENT_STATE, newest.value.manifest);
  const minimumVersion = minimumVersionOf(state, IMAGE);
  assert.equal(
    await answerTo(good, policy({ minimumVersion }), NOW + DAY_MS),
    "rollback",
  );
});

Deno.test("rollback: older keys, signed as they were", async () => {
  const v2 = trustRoot([owner, mallory], { trust_version: 2 });
  const v3 = trustRoot([owner], { trust_version: 3 });
  const replayed = await verifySuccessor(await sealTrustRoot(v2, [owner]), v3);
  assert.ok(!replayed.ok);
  assert.equal(replayed.reason.code, "wrong_trust_version");
});

Deno.test("slow retrieval: a byte a second", async () => {
  const clock = new FakeClock("2026-11-22T12:00:00Z");
  let sentBytes = 0;
  const answer = answerToBody((hungUp) =>
    new ReadableStream({
      start(controller) {
        hungUp.addEventListener("abort", () => controller.error(hungUp.reason));
      },
      pull: (controller) =>
        new Promise((resolve) => {
          clock.setTimer(() => {
            if (hungUp.aborted) return resolve();
            controller.enqueue(good.slice(sentBytes, ++sentBytes));
            resolve();
          }, 1000);
        }),
    }), clock);
  await clock.advance(10_000);
  assert.ok(sentBytes < 10);
  assert.equal(await answer, "slow");
});

Deno.test("key compromise below the threshold: one of three stolen, two needed", async () => {
  const asked = policy({ keys: [owner, coOwner, mallory], threshold: 2 });
  const once = await promise({ signers: [mallory] });
  assert.equal(await answerTo(once, asked), "below_threshold");
  const both = await addSignatures(once, [owner]);
  assert.ok(both.ok);
  assert.equal(await answerTo(both.value, asked), "accepted");
});

Deno.test("key compromise below the threshold: nor can it name its own successors", async () => {
  const current = trustRoot([owner, coOwner, mallory], { threshold: 2 });
  const coup = trustRoot([mallory], { trust_version: 2 });
  const verdict = await verifySuccessor(
    await sealTrustRoot(coup, [mallory]),
    current,
  );
  assert.ok(!verdict.ok);
  assert.equal(verdict.reason.code, "below_threshold");
});

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

Deno.test("wrong channel: a testing image for a box that wants stable", async () => {
  const testing = await promise({
    image: { ...files, image: { channel: "testing", arch: "arm64" } },
  });
  assert.equal(await answerTo(testing), "wrong_channel");
});

Deno.test("wrong arch: an x86_64 image for an arm64 box", async () => {
  const x86 = await promise({
    image: { ...files, image: { channel: "stable", arch: "x86_64" } },
  });
  assert.equal(await answerTo(x86), "wrong_arch");
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
