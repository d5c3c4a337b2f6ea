import fc from "fast-check";
import assert from "node:assert/strict";
import { createIdentity, parseIdentity } from "../../lib/net/dht/identity.ts";
import {
  type BootRecord,
  bootRecordKey,
  clockProblem,
  expiryMs,
  keepingClockProblem,
  MAX_RECORD_BYTES,
  parseBootRecord,
  parseBootRecordKey,
  readBootRecord,
  readBootRecordKeys,
  signBootRecord,
} from "../../lib/wire/boot_record.ts";

const IMAGE = { channel: "stable", arch: "arm64" };
const KEY = "/phase/stable/arm64/manifest";
const NOW = Date.parse("2026-11-22T12:00:00Z");
const identity = await createIdentity();

const RECORD: BootRecord = {
  url: "http://192.0.2.7:8080/stable/arm64/manifest.json",
  peerId: identity.peerId,
  providerName: "rack 7",
  lastUpdatedMs: NOW,
  version: "2026.11.22",
  ttlSeconds: 3600,
};

async function signed(
  overrides: Partial<BootRecord> = {},
): Promise<Uint8Array> {
  return await signBootRecord(
    IMAGE,
    { ...RECORD, ...overrides },
    identity.sign,
  );
}

/** The record with fields of its JSON replaced, under the old signature. */
async function tampered(fields: Record<string, unknown>): Promise<Uint8Array> {
  const json = JSON.parse(new TextDecoder().decode(await signed()));
  return new TextEncoder().encode(JSON.stringify({ ...json, ...fields }));
}

/** A valid record whose signature's padding is written otherwise. */
async function respelled(padding: string): Promise<Uint8Array> {
  const text = new TextDecoder().decode(await signed());
  return new TextEncoder().encode(text.replace(/==(?="}$)/, padding));
}

async function refusal(value: Uint8Array, key = KEY): Promise<string> {
  const result = await parseBootRecord(key, value, { now: NOW });
  return result.ok ? "accepted" : result.reason;
}

Deno.test("bootRecordKey() and parseBootRecordKey() agree", () => {
  assert.equal(bootRecordKey(IMAGE), KEY);
  assert.deepEqual(parseBootRecordKey(KEY), { ok: true, value: IMAGE });
  for (
    const key of [
      "",
      "/phase/stable/arm64",
      "/phase/stable/arm64/manifest/",
      "/phase//arm64/manifest",
      "/phase/stable/aarch64/manifest", // an alias: not canonical
      "/phase/Stable/arm64/manifest",
      "/phase/../arm64/manifest",
      "phase/stable/arm64/manifest",
      "/other/stable/arm64/manifest",
    ]
  ) assert.equal(parseBootRecordKey(key).ok, false, key);
});

Deno.test("signBootRecord() writes what the contract says", async () => {
  const { value } = await parseIdentity(new Uint8Array(32).fill(7)).then((r) =>
    r.ok ? r : assert.fail(r.reason)
  );
  const bytes = await signBootRecord(
    IMAGE,
    { ...RECORD, peerId: value.peerId },
    value.sign,
  );
  const json = JSON.parse(new TextDecoder().decode(bytes));
  const { sig, ...fields } = json;
  assert.deepEqual(fields, {
    url: "http://192.0.2.7:8080/stable/arm64/manifest.json",
    peer_id: value.peerId,
    provider_name: "rack 7",
    last_updated: "2026-11-22T12:00:00.000Z",
    version: "2026.11.22",
    ttl: 3600,
  });
  // Contract section 8, checked without the code under test.
  const text = "phase-boot-record:1\n" +
    `{"key":"${KEY}","last_updated":"2026-11-22T12:00:00.000Z",` +
    `"peer_id":"${value.peerId}","provider_name":"rack 7","ttl":3600,` +
    `"url":"http://192.0.2.7:8080/stable/arm64/manifest.json",` +
    `"version":"2026.11.22"}`;
  const publicKey = await crypto.subtle.importKey(
    "raw",
    new Uint8Array(value.privateKey.publicKey.raw),
    "Ed25519",
    false,
    ["verify"],
  );
  assert.ok(
    await crypto.subtle.verify(
      "Ed25519",
      publicKey,
      Uint8Array.fromBase64(sig),
      new TextEncoder().encode(text),
    ),
  );
});

Deno.test("parseBootRecord() reads what signBootRecord() wrote", async () => {
  const result = await parseBootRecord(KEY, await signed(), { now: NOW });
  assert.deepEqual(result, { ok: true, value: RECORD });
  assert.equal(expiryMs(RECORD), NOW + 3_600_000);
});

Deno.test("parseBootRecord() reads a record without provider_name", async () => {
  const { providerName: _, ...record } = RECORD;
  const value = await signBootRecord(IMAGE, record, identity.sign);
  assert.deepEqual(await parseBootRecord(KEY, value, { now: NOW }), {
    ok: true,
    value: record,
  });
});

Deno.test("a record whose content was changed is refused", async () => {
  const changes: Record<string, unknown>[] = [
    { url: "http://198.51.100.1/evil.json" },
    { version: "9999" },
    { provider_name: "rack 8" },
    { provider_name: undefined },
    { ttl: 3601 },
    { last_updated: "2026-11-22T12:00:01.000Z" },
    { added: 1 },
    { peer_id: (await createIdentity()).peerId },
  ];
  for (const change of changes) {
    assert.equal(
      await refusal(await tampered(change)),
      "signature is not by peer_id",
      JSON.stringify(change),
    );
  }
});

Deno.test("a record put under another image's key is refused", async () => {
  const value = await signed();
  assert.equal(
    await refusal(value, "/phase/testing/arm64/manifest"),
    "signature is not by peer_id",
  );
  assert.equal(await refusal(value, "/phase/x"), "not a boot record key");
});

Deno.test("parseBootRecord() names what is malformed", async () => {
  const text = (s: string) => new TextEncoder().encode(s);
  const cases: [Uint8Array, RegExp][] = [
    [text(""), /not a JSON object/],
    [text("garbage"), /not a JSON object/],
    [text("[]"), /not a JSON object/],
    [text("null"), /not a JSON object/],
    [Uint8Array.of(0xff, 0xfe), /not a JSON object/],
    [new Uint8Array(MAX_RECORD_BYTES + 1), /too long/],
    [await tampered({ url: 7 }), /url is not http/],
    [await tampered({ url: "file:///etc/passwd" }), /url is not http/],
    [await tampered({ url: "javascript:alert(1)" }), /url is not http/],
    [await tampered({ peer_id: null }), /peer_id is not text/],
    [await tampered({ peer_id: "x" }), /peer_id is malformed/],
    [await tampered({ provider_name: 1 }), /provider_name is not text/],
    [await tampered({ last_updated: NOW }), /last_updated is not a date/],
    [await tampered({ last_updated: "today" }), /last_updated is not a date/],
    [
      await tampered({ last_updated: "2026-13-41T99:00:00Z" }),
      /last_updated is not a date/,
    ],
    [
      // Date.parse makes the 2nd of March of it.
      await tampered({ last_updated: "2026-02-30T12:00:00Z" }),
      /last_updated is not a date/,
    ],
    [await tampered({ version: "" }), /version is not text/],
    [await tampered({ ttl: 0 }), /ttl is not/],
    [await tampered({ ttl: 1.5 }), /ttl is not/],
    [await tampered({ ttl: 86401 }), /ttl is not/],
    [await tampered({ ttl: "3600" }), /ttl is not/],
    [await tampered({ sig: undefined }), /sig is not an Ed25519 signature/],
    [await tampered({ sig: "AAAA" }), /sig is not an Ed25519 signature/],
    [await tampered({ sig: "%%%" }), /sig is not an Ed25519 signature/],
    [await respelled(" "), /sig is not an Ed25519 signature/],
    [await respelled(""), /sig is not an Ed25519 signature/],
  ];
  for (const [value, reason] of cases) {
    assert.match(await refusal(value), reason);
  }
});

Deno.test("an expired record is refused, to the millisecond", async () => {
  const at = (ageMs: number) => signed({ lastUpdatedMs: NOW - ageMs });
  assert.equal(await refusal(await at(3_599_999)), "accepted");
  assert.equal(await refusal(await at(3_600_000)), "record has expired");
});

Deno.test("a record more than five minutes ahead is refused", async () => {
  const at = (aheadMs: number) => signed({ lastUpdatedMs: NOW + aheadMs });
  assert.equal(await refusal(await at(300_000)), "accepted");
  assert.equal(await refusal(await at(300_001)), "record is from the future");
});

Deno.test("without a trusted clock only the dates go unchecked", async () => {
  const parse = (value: Uint8Array) =>
    parseBootRecord(KEY, value, { now: undefined });
  assert.ok((await parse(await signed({ lastUpdatedMs: 0 }))).ok);
  assert.ok((await parse(await signed({ lastUpdatedMs: 2 * NOW }))).ok);
  assert.equal((await parse(await tampered({ version: "2" }))).ok, false);
});

Deno.test("readBootRecord() reads without asking for a signature", async () => {
  const value = await tampered({ sig: "AAAA" });
  assert.deepEqual(readBootRecord(value), { ok: true, value: RECORD });
  assert.equal(readBootRecord(new Uint8Array(3)).ok, false);
});

Deno.test("parseBootRecord() never throws", async () => {
  const field = fc.oneof(fc.jsonValue(), fc.constant("2026-11-22T12:00:00Z"));
  await fc.assert(fc.asyncProperty(
    fc.oneof(
      fc.uint8Array(),
      fc.record({
        url: fc.oneof(field, fc.webUrl()),
        peer_id: fc.oneof(field, fc.constant(identity.peerId)),
        last_updated: field,
        version: field,
        ttl: fc.oneof(field, fc.integer()),
        sig: fc.oneof(field, fc.constant("A".repeat(86) + "==")),
      }, { requiredKeys: [] }).map((json) =>
        new TextEncoder().encode(JSON.stringify(json))
      ),
    ),
    async (value) => {
      const result = await parseBootRecord(KEY, value, { now: NOW });
      assert.equal(result.ok, false);
    },
  ));
});

Deno.test("clockProblem() is what others refuse records for that are dated by this clock", () => {
  const often = { ttlSeconds: 3600, refreshSeconds: 1800 };
  const minute = 60_000;
  for (const lead of [0, 5 * minute, -30 * minute]) {
    assert.equal(clockProblem(lead, often), undefined);
  }
  assert.match(
    `${clockProblem(6 * minute, often)}`,
    /^the clock of this machine is 6 minutes ahead of those of other DHT nodes: set it, .* of the future$/,
  );
  assert.match(
    `${clockProblem(-31 * minute, often)}`,
    /is 31 minutes behind those of other DHT nodes: set it, .* expired$/,
  );
  const seldom = { ttlSeconds: 86_400, refreshSeconds: 43_200 };
  assert.equal(clockProblem(-600 * minute, seldom), undefined);
});

Deno.test("keepingClockProblem() is what a node refuses records of others for", () => {
  const often = { ttlSeconds: 3600, refreshSeconds: 1800 };
  const minute = 60_000;
  for (const lead of [0, -5 * minute, 30 * minute]) {
    assert.equal(keepingClockProblem(lead, often), undefined);
  }
  assert.equal(
    keepingClockProblem(-6 * minute, often),
    "Records of other DHT nodes are refused here as of the future: the clock of this machine is 6 minutes behind those of other DHT nodes, set it",
  );
  assert.match(
    `${keepingClockProblem(31 * minute, often)}`,
    /refused here as expired: .* 31 minutes ahead of those of other DHT nodes/,
  );
});

Deno.test("readBootRecordKeys() leaves out what is no key", () => {
  const keys = [
    bootRecordKey({ channel: "lab", arch: "riscv64" }),
    "",
    "/phase/lab/aarch64/manifest",
    "/phase/../../etc",
    "\u001b[31m",
  ];
  const list = new TextEncoder().encode(keys.join("\n"));
  assert.deepEqual(readBootRecordKeys(list), [
    { channel: "lab", arch: "riscv64" },
  ]);
  assert.deepEqual(readBootRecordKeys(new Uint8Array()), []);
  assert.deepEqual(readBootRecordKeys(Uint8Array.of(0xff, 0xfe)), []);
});
