import assert from "node:assert/strict";
import { ok, refuse, type Result } from "../../lib/core/result.ts";
import type { CandidateRefusal } from "../../lib/discover/candidate_refusal.ts";
import { checkCandidate } from "../../lib/discover/check_candidate.ts";
import { issueManifest } from "../../lib/manifest/issue_manifest.ts";
import type { FetchTrust } from "../../lib/manifest/trust_chain.ts";
import { trustKeys } from "../../lib/manifest/trusted_keys.ts";
import type { TrustPolicy } from "../../lib/manifest/verify_envelope.ts";
import type { HttpGet } from "../../lib/net/http1/reply.ts";
import { sleep } from "../../lib/core/clock.ts";
import { replyOf } from "../../lib/net/http1/get.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { hashedImage } from "../support/hashed_image.ts";
import { candidate } from "../support/memory_source.ts";
import { testSigningKey } from "../support/signing_keys.ts";

const { signal } = new AbortController();
const [owner, stranger] = await Promise.all([
  testSigningKey(1),
  testSigningKey(2),
]);
const { bytes } = await issueManifest({
  image: hashedImage(),
  signers: [owner],
  now: new FakeClock().now(),
  expiresDays: 30,
});
const IMAGE = { channel: "stable", arch: "arm64" };

function policy(key = owner): Result<TrustPolicy, CandidateRefusal> {
  const trusted = trustKeys([key.publicKey], 1);
  assert.ok(trusted.ok);
  return ok({
    trusted: trusted.value,
    image: IMAGE,
    minimumVersion: 1,
    clockTrusted: true,
  });
}

/** A provider that answers everything with the same. */
function answering(answer: () => Response, asked: string[] = []) {
  return {
    image: IMAGE,
    clock: new FakeClock(),
    httpGet: (url: URL) => {
      asked.push(url.pathname);
      return Promise.resolve(replyOf(answer()));
    },
  };
}

/** The code of the refusal, or who signed. */
async function verdict(
  answer: () => Response,
  asked = policy(),
): Promise<string> {
  const trust = { policyFor: () => Promise.resolve(asked) };
  const parts = { ...answering(answer), trust };
  const checked = await checkCandidate(candidate("a"), parts, { signal });
  return checked.ok ? checked.value.verifiedBy.join() : checked.reason.code;
}

Deno.test("checkCandidate() accepts what the policy asks for", async () => {
  assert.equal(await verdict(() => new Response(bytes)), owner.publicKey.keyId);
});

Deno.test("checkCandidate() refuses no answer, no policy, and what the policy does not accept", async () => {
  assert.equal(
    await verdict(() => new Response(null, { status: 503 })),
    "status",
  );
  assert.equal(
    await verdict(
      () => new Response(bytes),
      refuse({ code: "trust_expired", message: "too old" }),
    ),
    "trust_expired",
  );
  assert.equal(
    await verdict(() => new Response(bytes), policy(stranger)),
    "unknown_key",
  );
});

Deno.test("checkCandidate() does not believe what the candidate says of itself", async () => {
  const image = { channel: "testing", arch: "arm64" };
  const checked = await checkCandidate(
    candidate("a", { image, version: "9" }),
    {
      ...answering(() => new Response(bytes)),
      trust: { policyFor: () => Promise.resolve(policy()) },
    },
    { signal },
  );
  assert.ok(checked.ok);
  assert.deepEqual(checked.value.manifest.image, IMAGE);
});

Deno.test("checkCandidate() fetches while the policy is still being made, and passes an abort on", async () => {
  const asked: string[] = [];
  const controller = new AbortController();
  const checking = checkCandidate(candidate("a"), {
    ...answering(() => new Response(bytes), asked),
    trust: {
      policyFor: (_image, _fetchTrust, { signal }) =>
        new Promise((_resolve, reject) =>
          signal.addEventListener("abort", () => reject(signal.reason))
        ),
    },
  }, { signal: controller.signal });
  assert.deepEqual(asked, ["/stable/arm64/manifest.json"]);
  controller.abort(new Error("enough"));
  await assert.rejects(checking, /enough/);
});

/** The trust document of a number, as a check has it fetched. */
async function trustDocument(
  trustVersion: number,
  answer: () => Response,
  asked: string[] = [],
): Promise<Awaited<ReturnType<FetchTrust>> | undefined> {
  let document: Awaited<ReturnType<FetchTrust>> | undefined;
  await checkCandidate(candidate("a"), {
    ...answering(answer, asked),
    trust: {
      async policyFor(image, fetchTrust, { signal }) {
        assert.deepEqual(image, IMAGE);
        document = await fetchTrust(trustVersion, { signal });
        return policy();
      },
    },
  }, { signal });
  return document;
}

Deno.test("checkCandidate() fetches trust documents from the candidate's own provider, which may have none", async () => {
  const asked: string[] = [];
  const document = await trustDocument(2, () => new Response("{}"), asked);
  assert.deepEqual(document, ok(new TextEncoder().encode("{}")));
  assert.deepEqual(asked.sort(), [
    "/stable/arm64/manifest.json",
    "/trust/2.json",
  ]);
  assert.deepEqual(
    await trustDocument(3, () => new Response(null, { status: 404 })),
    ok(undefined),
  );
});

/** A provider whose manifest takes this long, and its trust documents that. */
function answeringLate(manifestMs: number, trustMs: number) {
  const clock = new FakeClock();
  const httpGet: HttpGet = (url, { signal }) => {
    const isTrust = url.pathname.startsWith("/trust/");
    const answer = new Response(isTrust ? "{}" : bytes);
    return sleep(clock, isTrust ? trustMs : manifestMs, { signal })
      .then(() => replyOf(answer));
  };
  return { clock, httpGet };
}

for (
  const [what, manifestMs, trustMs, documentCode, checkedMs] of [
    ["waits half a second for trust documents", 10, 400, "came", 400],
    ["gives a silent provider up after half a second", 10, 1e6, "slow", 510],
    ["waits longer where everything is slow", 900, 2600, "came", 2600],
    ["does not wait for ever there either", 900, 1e6, "slow", 2700],
  ] as const
) {
  Deno.test(`checkCandidate() ${what}`, async () => {
    const { clock, httpGet } = answeringLate(manifestMs, trustMs);
    let code = "";
    let endedMs = 0;
    const checking = checkCandidate(candidate("a"), {
      clock,
      httpGet,
      image: IMAGE,
      trust: {
        async policyFor(_image, fetchTrust, { signal }) {
          const document = await fetchTrust(2, { signal });
          code = document.ok ? "came" : document.reason.code;
          return policy();
        },
      },
    }, { signal }).finally(() => endedMs = clock.monotonic());
    while (endedMs === 0) {
      await clock.advance(10);
      // Bodies are read by the real event loop.
      await new Promise((resolve) => setTimeout(resolve));
    }
    assert.ok((await checking).ok);
    assert.equal(code, documentCode);
    assert.ok(endedMs >= checkedMs && endedMs < checkedMs + 500, `${endedMs}`);
    assert.equal(clock.pending, 0, "nothing goes on");
  });
}
