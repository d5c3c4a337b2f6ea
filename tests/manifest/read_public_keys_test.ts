import assert from "node:assert/strict";
import { UsageError } from "../../lib/core/errors.ts";
import { publicKeyPem } from "../../lib/manifest/public_key.ts";
import { readPublicKeys } from "../../lib/manifest/read_public_keys.ts";
import { MemoryFileSystem } from "../support/memory_file_system.ts";
import { testSigningKey } from "../support/signing_keys.ts";

const options = { signal: new AbortController().signal };
const signers = await Promise.all([1, 2, 3].map(testSigningKey));
const [a, b, c] = signers.map(({ publicKey }) => publicKey);
assert.ok(a && b && c);

Deno.test("readPublicKeys() takes keys, files and directories together", async () => {
  const fileSystem = new MemoryFileSystem()
    .file("/keys/z.pem", publicKeyPem(b))
    .file("/keys/a.hex", `${c.bytes.toHex()}\n`)
    .file("/keys/.hidden", "not a key")
    .directory("/keys/old")
    .file("/one.pem", publicKeyPem(a));
  assert.deepEqual(
    await readPublicKeys(
      [a.keyId, "/keys", "/one.pem", b.bytes.toBase64()],
      fileSystem,
      options,
    ),
    [a, c, b, a, b],
  );
});

Deno.test("readPublicKeys() counts every key of a file", async () => {
  const fileSystem = new MemoryFileSystem()
    .file("/keys.pem", publicKeyPem(a) + publicKeyPem(b));
  assert.deepEqual(
    await readPublicKeys(["/keys.pem"], fileSystem, options),
    [a, b],
  );
});

Deno.test("readPublicKeys() follows links to files", async () => {
  const fileSystem = new MemoryFileSystem()
    .file("/real.pem", publicKeyPem(a))
    .link("/keys/a.pem", "/real.pem");
  assert.deepEqual(await readPublicKeys(["/keys"], fileSystem, options), [a]);
});

Deno.test("readPublicKeys() refuses whatever yields no key", async () => {
  const fileSystem = new MemoryFileSystem()
    .directory("/empty")
    .file("/mixed/a.pem", publicKeyPem(a))
    .file("/mixed/README", "The keys of the fleet")
    .file("/private.pem", await signers[0]?.toPem())
    .file("/secret.pem", publicKeyPem(a))
    .setReadable("/secret.pem", false)
    .special("/fifo")
    .special("/fifos/a.pem");
  const refused: readonly (readonly [string, RegExp])[] = [
    [
      "/nowhere",
      /public key "\/nowhere": there is no such file, and it is not/,
    ],
    ["abcd", /no such file, and it is not a public key/],
    ["00".repeat(32), /no such file, and it is a point of small order/],
    ["/empty", /empty/],
    ["/mixed", /"\/mixed\/README": not a public key/],
    ["/private.pem", /a private key; give the public one/],
    ["/secret.pem", /permission denied/],
    ["/fifo", /not a regular file/],
    ["/fifos", /not a regular file/],
  ];
  for (const [source, reason] of refused) {
    await assert.rejects(
      readPublicKeys([source], fileSystem, options),
      (error) => error instanceof UsageError && reason.test(error.message),
      source,
    );
  }
});

Deno.test("readPublicKeys() stops when it is aborted", async () => {
  const signal = AbortSignal.abort(new Error("stop"));
  await assert.rejects(
    readPublicKeys(["/keys"], new MemoryFileSystem(), { signal }),
    /stop/,
  );
});
