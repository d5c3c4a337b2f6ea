/**
 * Hostile trust documents, and hostile manifests beside them, as a whole client
 * gets them from a provider: the box was shipped with the owner's key, and none
 * of these may lead it to another.
 */
import assert from "node:assert/strict";
import { checkCandidate } from "../../lib/discover/check_candidate.ts";
import { ClientTrust } from "../../lib/discover/client_trust.ts";
import {
  canonicalize,
  type JsonObject,
} from "../../lib/manifest/canonical_json.ts";
import { checkSignedImage } from "../../lib/manifest/check_signed_image.ts";
import { MAX_ENVELOPE_BYTES } from "../../lib/manifest/envelope.ts";
import { sealEnvelope } from "../../lib/manifest/sign_envelope.ts";
import type { SigningKey } from "../../lib/manifest/signing_key.ts";
import type { TrustRoot } from "../../lib/manifest/trust_root.ts";
import { replyOf } from "../../lib/net/http1/get.ts";
import {
  answerTo,
  artifactsOf,
  coOwner,
  envelope,
  files,
  good,
  IMAGE,
  mallory,
  membersOf,
  NOW,
  owner,
  promise,
  signaturesOf,
} from "../support/attacked_manifest.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { hashedArtifact, hashedImage } from "../support/hashed_image.ts";
import { testSigningKey } from "../support/signing_keys.ts";
import { sealTrustRoot, trustRoot } from "../support/trust_roots.ts";

const { signal } = new AbortController();
const idOf = ({ publicKey }: SigningKey) => publicKey.keyId;

/** The document that hands the box over to Mallory, but for what is wrong. */
const COUP = {
  trust_version: 2,
  keys: [idOf(mallory)],
  threshold: 1,
  successor_keys: [idOf(mallory)],
  successor_threshold: 1,
  minimum_version: 1,
};
/** As the owner would sign it. */
const signed = await sealed();

/** What a document says, by these signers: the owner and Mallory agree. */
function sealed(
  members: JsonObject = {},
  signers: readonly SigningKey[] = [owner, mallory],
): Promise<Uint8Array<ArrayBuffer>> {
  return sealEnvelope({ ...COUP, ...members }, signers);
}

/** The document with its signatures, first the owner's, edited by a forger. */
function resigned(
  edit: (...signatures: JsonObject[]) => readonly JsonObject[],
  document = signed,
): Uint8Array<ArrayBuffer> {
  const [a, b] = [owner, mallory].map((key) =>
    signaturesOf(document).find(({ keyid }) => keyid === idOf(key))
  );
  assert.ok(a !== undefined && b !== undefined);
  return envelope({ ...membersOf(document), signatures: edit(a, b) });
}

/** The document with other bytes in place of what is signed. */
function withData(text: string): Uint8Array<ArrayBuffer> {
  const data = new TextEncoder().encode(text).toBase64();
  return envelope({ ...membersOf(signed), signed: { data } });
}

/** S + L in place of S: the same equation (RFC 8032, 5.1.7, forbids it). */
function malleated(signature: JsonObject): JsonObject {
  const bytes = Uint8Array.fromBase64(String(signature.sig));
  const order = 2n ** 252n + 27742317777372353535851937790883648493n;
  const littleEndian = (part: Uint8Array) =>
    BigInt(`0x${part.slice().reverse().toHex()}`);
  const sum = littleEndian(bytes.subarray(32)) + order;
  const other = Uint8Array.fromHex(sum.toString(16).padStart(64, "0"));
  bytes.set(other.reverse(), 32);
  return { ...signature, sig: bytes.toBase64() };
}

/** Somebody who sends the document, and a manifest that Mallory signed. */
async function meet(
  document: Uint8Array<ArrayBuffer>,
  shipped: TrustRoot = trustRoot([owner]),
): Promise<{ mallory: string; owner: string; said: readonly string[] }> {
  const trust = await ClientTrust.open({
    anchor: { kind: "root", shipped },
    store: undefined,
    clockTrusted: true,
  }, { signal });
  const answer = async (manifest: Uint8Array<ArrayBuffer>) => {
    const checked = await checkCandidate(
      {
        manifestUrl: new URL("http://192.0.2.1/stable/arm64/manifest.json"),
        image: IMAGE,
        version: "2026.11.22",
        source: "mdns",
      },
      {
        image: IMAGE,
        trust,
        clock: new FakeClock(new Date(NOW).toISOString()),
        httpGet: ({ pathname }) =>
          Promise.resolve(replyOf(
            pathname.endsWith("/manifest.json")
              ? new Response(manifest)
              : pathname === "/trust/2.json"
              ? new Response(document)
              : new Response(null, { status: 404 }),
          )),
      },
      { signal },
    );
    return checked.ok ? "accepted" : checked.reason.code;
  };
  const theirs = await answer(await promise({ signers: [mallory] }));
  const owners = await answer(good);
  return {
    mallory: theirs,
    owner: owners,
    said: trust.problems.flatMap((line) => /\((\w+)\)$/.exec(line)?.[1] ?? []),
  };
}

const zeroKey = `ed25519:${"0".repeat(64)}`;
const strangers = await Promise.all(
  Array.from({ length: 64 }, (_, i) => testSigningKey(100 + i)),
);

/** What is wrong, the document, and why it is not followed. */
const ATTACKS: readonly [string, Uint8Array<ArrayBuffer>, string][] = [
  ["one signature twice", resigned((a, b) => [a, a, b]), "duplicate_keyid"],
  [
    "the owner's signature under Mallory's id",
    resigned((a, b) => [a, { ...b, sig: a.sig }]),
    "below_threshold",
  ],
  [
    "Mallory's signature under the owner's id",
    resigned((a, b) => [{ ...a, sig: b.sig }, b]),
    "bad_signature",
  ],
  [
    "an id in capitals",
    resigned((a, b) => [{ ...a, keyid: String(a.keyid).toUpperCase() }, b]),
    "unknown_key",
  ],
  ["Mallory's signature alone", resigned((_, b) => [b]), "unknown_key"],
  ["no signature", resigned(() => []), "unsigned"],
  [
    "more signatures than anybody makes",
    await sealed({}, [owner, mallory, ...strangers.slice(1)]),
    "malformed",
  ],
  [
    "a signature in another spelling",
    resigned((a, b) => [malleated(a), b]),
    "bad_signature",
  ],
  [
    "a signature with a byte more",
    resigned((a, b) => [{
      ...a,
      sig: Uint8Array.from([
        ...Uint8Array.fromBase64(String(a.sig)),
        0,
      ]).toBase64(),
    }, b]),
    "bad_signature",
  ],
  [
    "a signature in base64 with a line break",
    resigned((a, b) => [{ ...a, sig: `${a.sig}\n` }, b]),
    "malformed",
  ],
  [
    "the owner's signature of a manifest",
    resigned((a, b) => [{ ...a, sig: signaturesOf(good)[0]?.sig }, b]),
    "bad_signature",
  ],
  ["a manifest in its place", good, "malformed"],
  ...await Promise.all(
    ([
      ["threshold 0", { threshold: 0 }, "malformed"],
      ["threshold 2 of one key", { threshold: 2 }, "malformed"],
      ["threshold -1", { threshold: -1 }, "malformed"],
      ["threshold 0.5", { threshold: 0.5 }, "malformed"],
      ["threshold in quotes", { threshold: "1" }, "malformed"],
      ["a huge threshold", { threshold: 2 ** 53 }, "malformed"],
      ["successor_threshold 0", { successor_threshold: 0 }, "malformed"],
      [
        "one key for two",
        { keys: [idOf(mallory), idOf(mallory)], threshold: 2 },
        "malformed",
      ],
      [
        "one key in two spellings for two",
        {
          keys: [idOf(mallory), mallory.publicKey.bytes.toBase64()],
          threshold: 2,
        },
        "malformed",
      ],
      ["no key", { keys: [] }, "malformed"],
      [
        "more keys than anybody has",
        { keys: [idOf(mallory), ...strangers.map(idOf)] },
        "malformed",
      ],
      [
        "a key that anybody signs for",
        { keys: [idOf(mallory), zeroKey] },
        "malformed",
      ],
      [
        "a successor key that anybody signs for",
        { successor_keys: [idOf(mallory), zeroKey] },
        "malformed",
      ],
      ["the same number again", { trust_version: 1 }, "wrong_trust_version"],
      ["a number left out", { trust_version: 3 }, "wrong_trust_version"],
      [
        "a number that is the last there is",
        { trust_version: Number.MAX_SAFE_INTEGER },
        "wrong_trust_version",
      ],
      ["a number that is none", { trust_version: 2 ** 53 }, "malformed"],
      ["a number in quotes", { trust_version: "2" }, "malformed"],
      ["a minimum_version of 0", { minimum_version: 0 }, "malformed"],
      ["a date that there is not", { expires_at: "2027-02-30" }, "malformed"],
      ["a member of tomorrow", { delegations: [] }, "malformed"],
      ["a member in capitals", { Threshold: 1 }, "malformed"],
    ] as const).map(async ([what, members, code]) =>
      [what, await sealed(members), code] as [
        string,
        Uint8Array<ArrayBuffer>,
        string,
      ]
    ),
  ),
  [
    "keys that nobody has shown to hold",
    await sealed({}, [owner]),
    "below_threshold",
  ],
  [
    "other keys on the outside",
    envelope({
      ...membersOf(await sealed({ keys: [idOf(owner)] })),
      keys: [idOf(mallory)],
    }),
    "outer_differs",
  ],
  [
    "blanks in what is signed",
    withData(JSON.stringify(COUP, undefined, 1)),
    "not_canonical",
  ],
  [
    "a number written otherwise",
    withData(canonicalize(COUP).replace(":2}", ":2.0}")),
    "not_canonical",
  ],
  [
    "a name twice in what is signed",
    withData(canonicalize(COUP).replace("{", '{"threshold":1,')),
    "malformed",
  ],
  [
    "a number beyond all numbers",
    withData(canonicalize(COUP).replace(":2}", ":2e999}")),
    "not_canonical",
  ],
  [
    "more brackets than a stack bears",
    withData("[".repeat(100_000) + "]".repeat(100_000)),
    "malformed",
  ],
  [
    "a document without end",
    new Uint8Array(MAX_ENVELOPE_BYTES + 1).fill(0x20),
    "too_large",
  ],
  [
    "the page of a captive portal",
    new TextEncoder().encode("<!doctype html><title>Welcome</title>"),
    "malformed",
  ],
];

Deno.test("a document that owner and successor signed hands a box over", async () => {
  assert.deepEqual(await meet(signed), {
    mallory: "accepted",
    owner: "unknown_key",
    said: [],
  });
});

for (const [what, document, code] of ATTACKS) {
  Deno.test(`a trust document is not followed: ${what}`, async () => {
    assert.deepEqual(await meet(document), {
      mallory: "unknown_key",
      owner: "accepted",
      said: [code],
    });
  });
}

Deno.test("a trust document is not followed: signed by those who sign images, where others decide of successors", async () => {
  const shipped = trustRoot([owner], { successor_keys: [idOf(coOwner)] });
  assert.deepEqual(await meet(signed, shipped), {
    mallory: "unknown_key",
    owner: "accepted",
    said: ["unknown_key"],
  });
});

Deno.test("a trust document is not followed: one of two owners is not both", async () => {
  const shipped = trustRoot([owner, coOwner], { successor_threshold: 2 });
  assert.deepEqual(await meet(signed, shipped), {
    mallory: "unknown_key",
    owner: "accepted",
    said: ["below_threshold"],
  });
});

Deno.test("a trust document that has expired is followed, and trusts nobody until the next", async () => {
  const expired = await sealTrustRoot(
    trustRoot([mallory], {
      trust_version: 2,
      expires_at: new Date(NOW).toISOString(),
    }),
    [owner, mallory],
  );
  assert.deepEqual(await meet(expired), {
    mallory: "trust_expired",
    owner: "trust_expired",
    said: [],
  });
});

Deno.test("mix-up of channels: the files, the signatures or the outside of another channel's manifest", async () => {
  const image = { channel: "testing", arch: "arm64" } as const;
  const testing = await promise({
    image: hashedImage({
      image,
      kernel: hashedArtifact("vmlinuz", { content: "unstable" }),
      initramfs: hashedArtifact("initramfs.img", { content: "unstable too" }),
    }),
  });
  const { kernel, initramfs } = artifactsOf(testing);
  const members = membersOf(good);
  const mixed: [JsonObject, string][] = [
    [{ artifacts: { ...artifactsOf(good), kernel } }, "outer_differs"],
    [{ artifacts: { ...artifactsOf(good), initramfs } }, "outer_differs"],
    [{ signatures: signaturesOf(testing) }, "bad_signature"],
    [{ signed: membersOf(testing).signed }, "outer_differs"],
    [{ ...membersOf(testing), channel: "stable" }, "outer_differs"],
    [membersOf(testing), "wrong_channel"],
  ];
  for (const [part, code] of mixed) {
    assert.equal(await answerTo(envelope({ ...members, ...part })), code);
  }
});

Deno.test("mix-up of files: kernel and initramfs in each other's place, in the manifest and on disk", async () => {
  const [kernel, initramfs] = ["vmlinuz", "initramfs.img"].map((name) =>
    hashedArtifact(name)
  );
  assert.ok(kernel !== undefined && initramfs !== undefined);
  const image = hashedImage({ kernel, initramfs });
  const manifest = await promise({ image });
  const named = artifactsOf(manifest);
  const swapped = envelope({
    ...membersOf(manifest),
    artifacts: { kernel: named.initramfs, initramfs: named.kernel },
  });
  assert.equal(await answerTo(manifest), "accepted");
  assert.equal(await answerTo(swapped), "outer_differs");
  const onDisk = await checkSignedImage(manifest, {
    ...files,
    kernel: { ...initramfs, filename: "vmlinuz" },
    initramfs: { ...kernel, filename: "initramfs.img" },
  });
  assert.ok(!onDisk.ok);
  assert.equal(onDisk.reason.code, "artifact_differs");
});
