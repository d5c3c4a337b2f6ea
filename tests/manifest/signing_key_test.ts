import assert from "node:assert/strict";
import { disk } from "../../lib/cli/disk.ts";
import { UserError } from "../../lib/core/errors.ts";
import {
  publicKeyPem,
  verifySignature,
} from "../../lib/manifest/public_key.ts";
import {
  createKeyFile,
  generateSigningKey,
  loadOrCreateSigningKey,
  loadSigningKey,
  parseSigningKey,
} from "../../lib/manifest/signing_key.ts";
import { MemoryFileSystem } from "../support/memory_file_system.ts";
import { hasOpenssl, openssl } from "../support/openssl.ts";
import { testSigningKey } from "../support/signing_keys.ts";

const options = { signal: new AbortController().signal };
const MESSAGE = new TextEncoder().encode("message");

Deno.test("parseSigningKey() reads the key of RFC 8410 section 10.3", async () => {
  const key = await parseSigningKey(
    "-----BEGIN PRIVATE KEY-----\n" +
      "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n" +
      "-----END PRIVATE KEY-----\n",
  );
  assert.ok(key.ok);
  assert.equal(
    publicKeyPem(key.value.publicKey),
    "-----BEGIN PUBLIC KEY-----\n" +
      "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n" +
      "-----END PUBLIC KEY-----\n",
  );
});

Deno.test("generateSigningKey() makes different keys that sign and can be written", async () => {
  const [a, b] = [await generateSigningKey(), await generateSigningKey()];
  assert.notEqual(a.publicKey.keyId, b.publicKey.keyId);
  const again = await parseSigningKey(await a.toPem());
  assert.ok(again.ok);
  assert.deepEqual(again.value.publicKey, a.publicKey);
  const signature = await again.value.sign(MESSAGE);
  assert.ok(await verifySignature(a.publicKey, signature, MESSAGE));
  assert.ok(!await verifySignature(b.publicKey, signature, MESSAGE));
});

Deno.test("parseSigningKey() refuses what is no Ed25519 private key", async () => {
  const p256 = await crypto.subtle.generateKey(
    { name: "ECDSA", namedCurve: "P-256" },
    true,
    ["sign", "verify"],
  );
  const pkcs8 = new Uint8Array(
    await crypto.subtle.exportKey("pkcs8", p256.privateKey),
  );
  const pem = (kind: string, body: string) =>
    `-----BEGIN ${kind}-----\n${body}\n-----END ${kind}-----\n`;
  const both = await (await testSigningKey(1)).toPem() +
    await (await testSigningKey(2)).toPem();
  const refused: readonly (readonly [string, RegExp])[] = [
    ["", /PKCS#8/],
    [pem("PRIVATE KEY", "!"), /PKCS#8/],
    [pem("ENCRYPTED PRIVATE KEY", "AAAA"), /has a passphrase/],
    [both, /several private keys/],
    [pem("OPENSSH PRIVATE KEY", "b3Bl"), /OpenSSH/],
    [pem("EC PRIVATE KEY", "AAAA"), /PKCS#8/],
    ["11".repeat(32), /bare bytes/],
    [publicKeyPem((await testSigningKey(1)).publicKey), /PKCS#8/],
    [pem("PRIVATE KEY", "AAAA"), /not an Ed25519/],
    [pem("PRIVATE KEY", pkcs8.toBase64()), /not an Ed25519/],
  ];
  for (const [text, reason] of refused) {
    const result = await parseSigningKey(text);
    assert.ok(!result.ok, text);
    assert.match(result.reason, reason);
  }
});

Deno.test("loadOrCreateSigningKey() makes a key once, readable by its owner only", async () => {
  const fileSystem = new MemoryFileSystem();
  const path = "/state/keys/signing.pem";
  const first = await loadOrCreateSigningKey(fileSystem, path, options);
  assert.ok(first.created);
  assert.equal((await fileSystem.stat(path)).mode, 0o600);
  const second = await loadOrCreateSigningKey(fileSystem, path, options);
  assert.ok(!second.created);
  assert.deepEqual(second.key.publicKey, first.key.publicKey);
});

Deno.test("loadOrCreateSigningKey() agrees with another process that was faster", async () => {
  const theirs = await testSigningKey(7);
  const fileSystem = new class extends MemoryFileSystem {
    override async writeAtomically(
      ...args: Parameters<MemoryFileSystem["writeAtomically"]>
    ): Promise<boolean> {
      this.file(args[0], await theirs.toPem(), { mode: 0o600 });
      return await super.writeAtomically(...args);
    }
  }();
  const { key, created } = await loadOrCreateSigningKey(
    fileSystem,
    "/state/signing.pem",
    options,
  );
  assert.ok(!created);
  assert.deepEqual(key.publicKey, theirs.publicKey);
});

Deno.test("loadOrCreateSigningKey() puts no key in place of one that has become empty", async () => {
  const fileSystem = new MemoryFileSystem().file("/k.pem", "", { mode: 0o600 });
  await assert.rejects(
    loadOrCreateSigningKey(fileSystem, "/k.pem", options),
    /^UserError: .*"\/k\.pem": it is empty: restore it.*delete it/,
  );
  assert.equal(await fileSystem.readText("/k.pem"), "");
});

Deno.test("createKeyFile() says that it cannot keep a key, as something to mend", async () => {
  const fileSystem = new MemoryFileSystem();
  fileSystem.writeAtomically = () => Promise.reject(new Error("disk full"));
  await assert.rejects(
    createKeyFile(fileSystem, "/state/k.pem", await testSigningKey(1)),
    /^UserError: Cannot keep a new signing key: disk full$/,
  );
});

// By: openssl genpkey -algorithm ed25519 -aes-256-cbc -pass pass:secret
const ENCRYPTED = `-----BEGIN ENCRYPTED PRIVATE KEY-----
MIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAi1XGqDOXuOQgICCAAw
DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEGW7bo3CqGiPuIdDZmxtmdgEQM+J
Q8H19IQA9PmiC62N0D4jcIW9AwYkPJPf5VSVgUcTxKn08+lZDCm4vuaW4Wc2ySFD
P1wQw6HkPRqY8alkLIs=
-----END ENCRYPTED PRIVATE KEY-----
`;
const ENCRYPTED_ID =
  "ed25519:541a48064161a693090c80394b742102b5ef8778ce8e6a8ce399f8733f1e5293";

Deno.test("loadSigningKey() asks for the passphrase of a key that has one, and says when it is wrong", async () => {
  const fileSystem = new MemoryFileSystem()
    .file("/k.pem", ENCRYPTED, { mode: 0o600 });
  const load = (typed: string) =>
    loadSigningKey(fileSystem, "/k.pem", {
      ...options,
      passphrase: (path) => Promise.resolve(path === "/k.pem" ? typed : ""),
    });
  assert.equal((await load("secret")).publicKey.keyId, ENCRYPTED_ID);
  for (const wrong of ["", "Secret", "secret "]) {
    await assert.rejects(
      load(wrong),
      /signing key "\/k.pem": a key that this passphrase does not decrypt/,
    );
  }
  await assert.rejects(
    loadSigningKey(fileSystem, "/k.pem", options),
    (error) => error instanceof UserError && /passphrase/.test(error.message),
  );
});

Deno.test("loadSigningKey() refuses a key that others may read, and says what to run", async () => {
  const pem = await (await testSigningKey(1)).toPem();
  for (const mode of [0o640, 0o604, 0o620, 0o601]) {
    const fileSystem = new MemoryFileSystem().file("/k.pem", pem, { mode });
    await assert.rejects(
      loadOrCreateSigningKey(fileSystem, "/k.pem", options),
      (error) =>
        error instanceof UserError &&
        error.message.endsWith('run: chmod 600 "/k.pem"'),
    );
  }
});

Deno.test("loadOrCreateSigningKey() leaves a file alone that holds no key", async () => {
  const fileSystem = new MemoryFileSystem()
    .file("/k.pem", "garbage", { mode: 0o600 });
  await assert.rejects(
    loadOrCreateSigningKey(fileSystem, "/k.pem", options),
    /Cannot use signing key "\/k.pem": not a private key/,
  );
  assert.equal(await fileSystem.readText("/k.pem"), "garbage");
});

Deno.test("loadOrCreateSigningKey() stops when it is aborted", async () => {
  const signal = AbortSignal.abort(new Error("stop"));
  await assert.rejects(
    loadOrCreateSigningKey(new MemoryFileSystem(), "/k.pem", { signal }),
    /stop/,
  );
});

Deno.test("createKeyFile() does not replace a file", async () => {
  const fileSystem = new MemoryFileSystem().file("/k.pem", "mine");
  assert.equal(
    await createKeyFile(fileSystem, "/k.pem", await testSigningKey(1)),
    false,
  );
  assert.equal(await fileSystem.readText("/k.pem"), "mine");
});

Deno.test({
  name: "openssl reads our keys and we read those of openssl (needs OpenSSL 3)",
  ignore: !hasOpenssl,
  async fn() {
    const directory = await Deno.makeTempDir();
    try {
      const ours = `${directory}/state/ours.pem`;
      const { key } = await loadOrCreateSigningKey(disk, ours, options);
      assert.equal(((await Deno.stat(ours)).mode ?? 0) & 0o777, 0o600);
      assert.equal(
        await openssl("pkey", "-in", ours, "-pubout"),
        publicKeyPem(key.publicKey),
      );
      const theirs = `${directory}/theirs.pem`;
      await openssl("genpkey", "-algorithm", "ed25519", "-out", theirs);
      await Deno.chmod(theirs, 0o600);
      assert.equal(
        await openssl("pkey", "-in", theirs, "-pubout"),
        publicKeyPem((await loadSigningKey(disk, theirs, options)).publicKey),
      );
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});

Deno.test("loadOrCreateSigningKey() does not wait for a FIFO in place of its key", async () => {
  const fileSystem = new MemoryFileSystem().special("/k.pem");
  await assert.rejects(
    loadOrCreateSigningKey(fileSystem, "/k.pem", options),
    /"\/k.pem": it is not a regular file/,
  );
});
