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
import {
  checkCandidate,
  type CheckParts,
} from "../../lib/discover/check_candidate.ts";
import { discover } from "../../lib/discover/discover.ts";
import { checkSignedImage } from "../../lib/manifest/check_signed_image.ts";
import {
  EMPTY_CLIENT_STATE,
  minimumVersionOf,
  trustPolicyFor,
  versionPolicyFor,
  withManifest,
  withTrust,
} from "../../lib/manifest/client_state.ts";
import { MAX_ENVELOPE_BYTES } from "../../lib/manifest/envelope.ts";
import {
  addSignatures,
  sealEnvelope,
} from "../../lib/manifest/sign_envelope.ts";
import {
  followTrust,
  verifySuccessor,
} from "../../lib/manifest/trust_chain.ts";
import { verifyEnvelope } from "../../lib/manifest/verify_envelope.ts";
import { replyOf } from "../../lib/net/http1/get.ts";
import {
  answerTo,
  artifactsOf,
  contentOf,
  coOwner,
  DAY_MS,
  envelope,
  files,
  good,
  IMAGE,
  mallory,
  membersOf,
  NOW,
  owner,
  policy,
  promise,
  signaturesOf,
} from "../support/attacked_manifest.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { memorySource } from "../support/memory_source.ts";
import { hashedArtifact, hashedImage } from "../support/hashed_image.ts";
import { sealTrustRoot, trustRoot } from "../support/trust_roots.ts";

const { signal } = new AbortController();

const CANDIDATE = {
  manifestUrl: new URL("http://192.0.2.1/stable/arm64/manifest.json"),
  image: IMAGE,
  version: "2026.11.22",
  source: "mdns",
} as const;

/** What a provider that sends this body is checked with. */
function partsOf(
  body: (hungUp: AbortSignal) => ReadableStream<Uint8Array<ArrayBuffer>>,
  clock = new FakeClock("2026-11-22T12:00:00Z"),
): CheckParts {
  const httpGet = (_: URL, options: { signal: AbortSignal }) =>
    Promise.resolve(replyOf(new Response(body(options.signal))));
  const trust = { policyFor: () => Promise.resolve(ok(policy())) };
  return { image: IMAGE, trust, httpGet, clock };
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
  const parts = partsOf(() => body);
  const checked = await checkCandidate(CANDIDATE, parts, { signal });
  assert.equal(!checked.ok && checked.reason.code, "too_large");
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
  const stranded = withManifest(EMPTY_CLIENT_STATE, verdict.value);
  const minimumVersion = minimumVersionOf(stranded, IMAGE);
  assert.equal(await answerTo(good, policy({ minimumVersion })), "rollback");

  const v2 = await sealTrustRoot(
    trustRoot([mallory], { trust_version: 2 }),
    [coOwner, mallory],
  );
  const { root: current } = await followTrust(
    shipped,
    (trustVersion) => Promise.resolve(ok(trustVersion === 2 ? v2 : undefined)),
    { upTo: 256, signal },
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
  const documents = [await sealTrustRoot(v2, [owner, coOwner])];
  const answerOf = async (served: readonly Uint8Array[]) => {
    const { root: newest } = await followTrust(
      root,
      (trustVersion) => Promise.resolve(ok(served[trustVersion - 2])),
      { upTo: 256, signal },
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
  const state = withManifest(EMPTY_CLIENT_STATE, newest.value);
  const minimumVersion = minimumVersionOf(state, IMAGE);
  assert.equal(
    await answerTo(good, policy({ minimumVersion }), NOW + DAY_MS),
    "rollback",
  );
});

Deno.test("rollback: other content under the version that was accepted, and a renewal is none", async () => {
  const first = await verifyEnvelope(good, policy(), NOW);
  assert.ok(first.ok);
  const state = withManifest(EMPTY_CLIENT_STATE, first.value);
  const versions = versionPolicyFor(state, IMAGE);
  const content = contentOf(good);
  const other = await sealEnvelope({ ...content, cmdline: "quiet" }, [owner]);
  assert.equal(await answerTo(other), "accepted", "where nothing is known");
  assert.equal(await answerTo(other, policy(versions)), "other_content");
  const renewed = await sealEnvelope({
    ...content,
    expires_at: "2027-11-22T12:00:00Z",
  }, [owner]);
  assert.equal(await answerTo(renewed, policy(versions)), "accepted");
  const version = first.value.manifest.manifestVersion + 1;
  const next = await sealEnvelope({
    ...content,
    cmdline: "quiet",
    manifest_version: version,
  }, [owner]);
  assert.equal(await answerTo(next, policy(versions)), "accepted");
});

Deno.test("rollback: older keys, signed as they were", async () => {
  const v2 = trustRoot([owner, mallory], { trust_version: 2 });
  const v3 = trustRoot([owner], { trust_version: 3 });
  const replayed = await verifySuccessor(
    await sealTrustRoot(v2, [owner, mallory]),
    v3,
  );
  assert.ok(!replayed.ok);
  assert.equal(replayed.reason.code, "wrong_trust_version");
});

Deno.test("slow retrieval: a byte a second", async () => {
  const clock = new FakeClock("2026-11-22T12:00:00Z");
  let sentBytes = 0;
  const parts = partsOf((hungUp) =>
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
  const found = { kind: "candidate", candidate: CANDIDATE } as const;
  const discovering = discover({
    ...{ image: IMAGE, all: false, timeoutMs: 4000, clock },
    sources: [memorySource([[0, found]], { clock })],
    check: (candidate, options) => checkCandidate(candidate, parts, options),
  }, { signal });
  await clock.advance(4000);
  await using result = await discovering;
  assert.deepEqual(result.refused.map(({ refusal }) => refusal.code), ["slow"]);
  assert.ok(sentBytes < 10);
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

Deno.test("lost successor: keys that nobody has shown to hold", async () => {
  const current = trustRoot([owner]);
  for (
    const [members, signers] of [
      [{}, [owner]],
      [{ threshold: 2 }, [owner, coOwner]],
      [{ successor_keys: [owner.publicKey.keyId] }, [owner, coOwner]],
      [{ successor_keys: [mallory.publicKey.keyId] }, [owner, coOwner]],
    ] as const
  ) {
    const next = trustRoot([coOwner, mallory], {
      trust_version: 2,
      ...members,
    });
    const bytes = await sealTrustRoot(next, signers);
    const verdict = await verifySuccessor(bytes, current);
    const isHeld = next.successorKeys.keys.has(owner.publicKey.keyId);
    assert.equal(
      verdict.ok ? "accepted" : verdict.reason.code,
      isHeld ? "accepted" : "below_threshold",
    );
  }
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
