import assert from "node:assert/strict";
import type { VerifiedManifest } from "../../lib/manifest/verify_envelope.ts";
import {
  findRelease,
  isOwnCandidate,
  judgeRelease,
} from "../../lib/mirror/find_release.ts";
import { candidate, verified } from "../support/memory_source.ts";
import { MirrorTwin, signedRelease } from "../support/mirror_twin.ts";
import { temporaryDirectory } from "../support/programs.ts";
import { testSigningKey } from "../support/signing_keys.ts";

const [owner, stranger] = await Promise.all([
  testSigningKey(51),
  testSigningKey(52),
]);
const { signal } = new AbortController();

function release(
  manifestVersion: number,
  contentSha256: string,
  { expiresAtMs = 1, verifiedBy = ["a"] } = {},
): VerifiedManifest {
  const one = verified({ manifestVersion, contentSha256, verifiedBy });
  return { ...one, manifest: { ...one.manifest, expiresAtMs } };
}

Deno.test("judgeRelease() takes what is newer, and never what is lower or another under the same version", () => {
  const has = release(5, "five");
  const verdict = (found: VerifiedManifest) => {
    const judged = judgeRelease(found, has);
    return judged.ok ? "taken" : judged.reason.code;
  };
  assert.equal(verdict(release(6, "six")), "taken");
  assert.equal(verdict(release(6, "five")), "taken");
  assert.equal(verdict(release(4, "four", { expiresAtMs: 9 })), "rollback");
  assert.equal(verdict(release(5, "fiv", { expiresAtMs: 9 })), "other_content");
  assert.equal(verdict(has), "rollback", "the same again is no news");
  assert.equal(verdict(release(5, "five", { expiresAtMs: 2 })), "taken");
  assert.equal(verdict(release(5, "five", { expiresAtMs: 0 })), "rollback");
  const byMore = { verifiedBy: ["a", "b"] };
  assert.equal(verdict(release(5, "five", byMore)), "taken");
  assert.equal(
    verdict(release(5, "five", { ...byMore, expiresAtMs: 0 })),
    "rollback",
    "more signers are no reason to expire sooner",
  );
  assert.ok(judgeRelease(release(1, "one"), undefined).ok);
});

Deno.test("isOwnCandidate() knows a mirror by its peer id, its address and its URL", () => {
  const own = {
    peerId: "12D3KooWSelf",
    advertiseUrl: "https://images.example/boot",
    httpPort: 8080,
    addresses: ["127.0.0.1", "192.0.2.7", "2001:db8::7"],
  };
  const isOwn = (url: string, peerId?: string) =>
    isOwnCandidate(
      candidate("a", {
        manifestUrl: new URL(`${url}/stable/arm64/manifest.json`),
        ...peerId !== undefined && { peerId },
      }),
      own,
    );
  assert.ok(isOwn("http://192.0.2.9:1234", "12D3KooWSelf"));
  assert.ok(isOwn("http://192.0.2.7:8080"));
  assert.ok(isOwn("http://[2001:db8::7]:8080"));
  assert.ok(isOwn("https://images.example/boot"));
  assert.ok(!isOwn("http://192.0.2.7:8081"), "another program of this host");
  assert.ok(!isOwn("http://192.0.2.9:8080", "12D3KooWOther"));
  assert.ok(!isOwn("https://images.example/bootleg"));
});

/** Asks what is offered, while time passes. */
async function find(
  twin: MirrorTwin,
  has: VerifiedManifest | undefined,
  own: string[] = [],
) {
  await using directory = await temporaryDirectory();
  const tools = twin.tools(directory.path, [owner]);
  const finding = findRelease({
    image: { channel: "stable", arch: "arm64" },
    has,
    trust: await tools.openTrust({ clockTrusted: true, signal }),
    sources: [twin.source(own)],
    isOwn: ({ providerName = "" }) => own.includes(providerName),
    onPeer: () => {},
    timeoutMs: 10_000,
    ...{ httpGet: twin.httpGet, clock: twin.clock },
  }, { signal });
  const startMs = twin.clock.monotonic();
  let hasEnded = false;
  finding.finally(() => hasEnded = true);
  while (!hasEnded) await twin.clock.advance(50);
  return {
    ...await finding,
    tookMs: twin.clock.monotonic() - startMs,
  };
}

Deno.test("findRelease() ends with what is newer, and meets all who have it", async () => {
  const twin = new MirrorTwin();
  const bytes = await signedRelease([owner], { nowMs: twin.clock.now() });
  for (const host of ["a", "b"]) twin.offered.set(host, bytes);
  const { newest, providers, refused, tookMs } = await find(twin, undefined);
  assert.deepEqual(newest?.bytes, bytes);
  assert.deepEqual(
    providers.map(({ candidate }) => candidate.providerName).sort(),
    ["a", "b"],
  );
  assert.deepEqual(refused, []);
  assert.ok(tookMs < 1000, `${tookMs} ms`);
});

Deno.test("findRelease() asks on while nobody has anything newer, and counts those who have the same", async () => {
  const twin = new MirrorTwin();
  const bytes = await signedRelease([owner], { nowMs: twin.clock.now() });
  twin.offered.set("a", bytes);
  const { newest: has } = await find(twin, undefined);
  const again = await find(twin, has);
  assert.equal(again.newest, undefined);
  assert.equal(again.providers.length, 1);
  assert.deepEqual(again.refused, []);
  assert.ok(again.tookMs >= 10_000, `${again.tookMs} ms`);
});

Deno.test("findRelease() refuses a lower release where nothing is remembered, and one by a stranger", async () => {
  const twin = new MirrorTwin();
  const older = await signedRelease([owner], { nowMs: twin.clock.now() });
  await twin.clock.advance(5000);
  const newer = await signedRelease([owner], {
    ...{ kernel: "b", nowMs: twin.clock.now(), previous: older },
  });
  const forged = await signedRelease([stranger], {
    ...{ kernel: "c", nowMs: twin.clock.now() + 5000 },
  });
  twin.offered.set("a", newer);
  const { newest: has } = await find(twin, undefined);
  assert.deepEqual(has?.bytes, newer);
  twin.offered.set("a", older).set("m", forged);
  const { newest, providers, refused } = await find(twin, has);
  assert.equal(newest, undefined);
  assert.deepEqual(providers, []);
  assert.deepEqual(
    refused.map(({ candidate, refusal }) => [
      candidate.providerName,
      refusal.code,
    ]).sort(),
    [["a", "rollback"], ["m", "unknown_key"]],
  );
});

Deno.test("findRelease() does not ask the mirror itself", async () => {
  const twin = new MirrorTwin();
  const asked: string[] = [];
  const { httpGet } = twin;
  Object.assign(twin, {
    httpGet: (...call: Parameters<typeof httpGet>) => {
      asked.push(call[0].host);
      return httpGet(...call);
    },
  });
  twin.offered.set(
    "other",
    await signedRelease([owner], { nowMs: twin.clock.now() }),
  );
  await find(twin, undefined, ["self"]);
  assert.deepEqual([...new Set(asked)], ["other"]);
});
