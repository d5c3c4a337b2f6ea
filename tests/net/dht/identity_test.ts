import assert from "node:assert/strict";
import { UserError } from "../../../lib/core/errors.ts";
import {
  createIdentity,
  loadOrCreateIdentity,
  parseIdentity,
  verifyPeerSignature,
} from "../../../lib/net/dht/identity.ts";
import { MemoryFileSystem } from "../../support/memory_file_system.ts";

const PATH = "/var/lib/plasmd/identity.key";
const { signal } = new AbortController();

/** RFC 8032 section 7.1, test 1. */
const SEED = Uint8Array.fromHex(
  "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
);
const PUBLIC_KEY =
  "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
/** Its peer id: base58btc of the identity multihash of the public key. */
const PEER_ID = "12D3KooWQK1wnefoLrcVHbbnf5tLzbopUd3K3bFAoJpA7YJgL5pV";
const ZERO_PEER = "12D3KooW9pNAk8aiBuGVQtWRdbkLmo5qVL3e2h5UxbN2Nz9ttwiw";
const ZEROS = new Uint8Array(63);
const PKCS8 = pem(`302e020100300506032b657004220420${SEED.toHex()}`);
/** libp2p's protobuf: type 1 (Ed25519), 64 bytes of seed and public key. */
const PROTOBUF = Uint8Array.fromHex(
  `08011240${SEED.toHex()}${PUBLIC_KEY}`,
);

function pem(hex: string): string {
  const base64 = Uint8Array.fromHex(hex).toBase64();
  return `-----BEGIN PRIVATE KEY-----\n${base64}\n-----END PRIVATE KEY-----\n`;
}

Deno.test("parseIdentity() reads raw bytes, PKCS#8 PEM and protobuf alike", async () => {
  for (const bytes of [SEED, new TextEncoder().encode(PKCS8), PROTOBUF]) {
    const identity = await parseIdentity(bytes);
    assert.ok(identity.ok);
    assert.equal(identity.value.privateKey.publicKey.raw.length, 32);
    assert.equal(
      Uint8Array.from(identity.value.privateKey.publicKey.raw).toHex(),
      PUBLIC_KEY,
    );
    assert.equal(identity.value.peerId, PEER_ID);
  }
});

Deno.test("parseIdentity() refuses what is no Ed25519 private key", async () => {
  const text = (s: string) => new TextEncoder().encode(s);
  const cases: [Uint8Array, RegExp][] = [
    [new Uint8Array(0), /not an Ed25519 private key/],
    [SEED.subarray(1), /not an Ed25519 private key/],
    [text("not a key at all"), /not an Ed25519 private key/],
    [
      text("-----BEGIN PRIVATE KEY-----\nAAA\n-----END PRIVATE KEY-----"),
      /its PEM/,
    ],
    [
      text(pem(`302e020100300506032b656e04220420${SEED.toHex()}`)), // X25519
      /its PEM holds no Ed25519 key/,
    ],
    [
      text(pem("302e020100300506032b657004220420")),
      /its PEM holds no Ed25519 key/,
    ],
  ];
  for (const [bytes, reason] of cases) {
    const identity = await parseIdentity(bytes);
    assert.equal(identity.ok, false);
    if (!identity.ok) assert.match(identity.reason, reason);
  }
});

Deno.test("loadOrCreateIdentity() makes a key for its owner only and keeps it", async () => {
  const disk = new MemoryFileSystem();
  const first = await loadOrCreateIdentity(disk, PATH, { signal });
  const { mode, sizeBytes } = await disk.stat(PATH);
  assert.equal(mode, 0o600);
  assert.equal(sizeBytes, 32, "the form of the Rust daemon");
  const again = await loadOrCreateIdentity(disk, PATH, { signal });
  assert.equal(again.peerId, first.peerId);
  assert.equal(disk.openCount, 0, "no file is left open");
});

Deno.test("loadOrCreateIdentity() takes the key of another process that was faster", async () => {
  const disk = new MemoryFileSystem();
  const theirs = disk.writeAtomically.bind(disk);
  disk.writeAtomically = async (path, _bytes, options) => {
    await theirs(path, SEED, { mode: 0o600 });
    return await theirs(path, SEED, options);
  };
  const identity = await loadOrCreateIdentity(disk, PATH, { signal });
  assert.equal(identity.peerId, PEER_ID);
});

Deno.test("loadOrCreateIdentity() refuses a key that others may read", async () => {
  const disk = new MemoryFileSystem().file(PATH, SEED, { mode: 0o640 });
  await assert.rejects(
    loadOrCreateIdentity(disk, PATH, { signal }),
    (error: unknown) =>
      error instanceof UserError &&
      error.message ===
        `Cannot use the DHT identity "${PATH}": others may read it (mode 640), run: chmod 600 "${PATH}"`,
  );
});

Deno.test("loadOrCreateIdentity() puts no key in place of one that has become empty", async () => {
  const disk = new MemoryFileSystem().file(PATH, "", { mode: 0o600 });
  await assert.rejects(
    loadOrCreateIdentity(disk, PATH, { signal }),
    /^UserError: Cannot use the DHT identity ".*": it is empty: restore it/,
  );
  assert.equal(await disk.readText(PATH), "");
});

Deno.test("loadOrCreateIdentity() says that it cannot keep a key, as something to mend", async () => {
  const disk = new MemoryFileSystem();
  disk.writeAtomically = () => Promise.reject(new Error("disk full"));
  await assert.rejects(
    loadOrCreateIdentity(disk, PATH, { signal }),
    /^UserError: Cannot keep a new DHT identity: disk full$/,
  );
});

Deno.test("loadOrCreateIdentity() never overwrites a file that is no key", async () => {
  const disk = new MemoryFileSystem().file(PATH, "oops", { mode: 0o600 });
  await assert.rejects(
    loadOrCreateIdentity(disk, PATH, { signal }),
    /Cannot use the DHT identity "[^"]+": it is not an Ed25519 private key.*move it away/,
  );
  assert.equal(await disk.readText(PATH), "oops");
});

Deno.test("verifyPeerSignature() accepts the peer's own signature only", async () => {
  const [one, other] = [await createIdentity(), await createIdentity()];
  const bytes = new TextEncoder().encode("said");
  const signature = await one.sign(bytes);
  const verify = (peerId: string, what = bytes, sig = signature) =>
    verifyPeerSignature(peerId, what, sig);
  assert.deepEqual(await verify(one.peerId), { ok: true, value: undefined });
  type Refused = [Promise<{ ok: boolean; reason?: string }>, RegExp];
  const refusals: Refused[] = [
    [verify(other.peerId), /not by peer_id/],
    [verify(one.peerId, new Uint8Array(3)), /not by peer_id/],
    [verify(one.peerId, bytes, new Uint8Array(64)), /not by peer_id/],
    // Of 32 zero bytes; R is the neutral point, which fits one of four texts.
    ...Array.from({ length: 32 }, (_, i): Refused => [
      verify(ZERO_PEER, Uint8Array.of(i), Uint8Array.of(1, ...ZEROS)),
      /anybody can sign for/,
    ]),
    [verify("12D3KooW"), /malformed/],
    [verify(""), /malformed/],
    [
      verify("QmNnooDu7bfjPFoTZYxMNLWUQJyrVwtbZg5gBMjTezGAJN"),
      /not that of an Ed25519 key/,
    ],
  ];
  for (const [result, reason] of refusals) {
    const refused = await result;
    assert.equal(refused.ok, false);
    assert.match(refused.reason ?? "", reason);
  }
});
