import assert from "node:assert/strict";
import { DEFAULT_CONFIG } from "../../lib/config/provider_config.ts";
import { FileAccessError } from "../../lib/core/file_system.ts";
import {
  imagesOnDisk,
  keysOnDisk,
  KeyUnseenError,
  processOf,
  stateOnDisk,
} from "../../lib/doctor/host_view.ts";
import { generateSigningKey } from "../../lib/manifest/signing_key.ts";
import { MemoryFileSystem } from "../support/memory_file_system.ts";

const { signal } = new AbortController();
const SETTINGS = {
  ...DEFAULT_CONFIG,
  artifactsDir: "/srv",
  stateDir: "/state",
};
const unseen = () => Promise.reject(new KeyUnseenError("nobody to ask"));
const freeBytes = () => Promise.resolve(1e9);

Deno.test("imagesOnDisk() tells what can be offered from what cannot, and why", async () => {
  const fileSystem = new MemoryFileSystem()
    .file("/srv/stable/arm64/vmlinuz.sha256")
    .file("/srv/testing/arm64/vmlinuz");
  const images = await imagesOnDisk(SETTINGS, { fileSystem }, { signal });
  assert.ok(images.ok);
  const { whole, missing, warnings } = images.value;
  assert.deepEqual(whole, [{ channel: "testing", arch: "arm64" }]);
  assert.ok(missing.includes("stable/arm64"));
  assert.match(warnings.join(), /stable\/arm64" holds "vmlinuz\.sha256"/);
  const gone = { ...SETTINGS, artifactsDir: "/gone" };
  assert.equal(
    (await imagesOnDisk(gone, { fileSystem }, { signal })).ok,
    false,
  );
});

Deno.test("keysOnDisk() loads the key that there is, or those that were named", async () => {
  const key = await generateSigningKey();
  const fileSystem = new MemoryFileSystem();
  const look = (...keys: string[]) =>
    keysOnDisk(
      { ...SETTINGS, signing: { ...SETTINGS.signing, keys } },
      { fileSystem },
      { passphrase: unseen, signal },
    );
  // One is made at the first start.
  assert.deepEqual(await look(), { keys: [], notLookedAt: [] });
  fileSystem.file("/state/signing.key", await key.toPem(), { mode: 0o600 });
  assert.deepEqual((await look()).keys, [
    { path: "/state/signing.key", keyId: key.publicKey.keyId },
  ]);
  const [gone] = (await look("/gone.pem")).keys;
  assert.match(gone?.problem ?? "", /there is no such file/);
  fileSystem.file("/open.pem", await key.toPem(), { mode: 0o644 });
  const [open] = (await look("/open.pem")).keys;
  assert.match(open?.problem ?? "", /others than its owner may read it/);
});

Deno.test("keysOnDisk() has not looked at a key that nobody opens for it", async () => {
  const pem = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n" +
    "-----END ENCRYPTED PRIVATE KEY-----\n";
  const fileSystem = new MemoryFileSystem()
    .file("/state/signing.key", pem, { mode: 0o600 });
  assert.deepEqual(
    await keysOnDisk(SETTINGS, { fileSystem }, { passphrase: unseen, signal }),
    {
      keys: [],
      notLookedAt: ['the signing key "/state/signing.key": nobody to ask'],
    },
  );
});

Deno.test("stateOnDisk() writes and leaves nothing, and tells a full disk from others", async () => {
  const fileSystem = new MemoryFileSystem().file("/state/lock", "12\n");
  const before = await fileSystem.list("/state");
  const view = await stateOnDisk("/state", { fileSystem, freeBytes });
  assert.ok(view.ok && view.value?.problem === undefined);
  assert.deepEqual(await fileSystem.list("/state"), before);
  assert.deepEqual(await stateOnDisk("/none", { fileSystem, freeBytes }), {
    ok: true,
    value: undefined,
  });

  const failing = (error: Error) => {
    fileSystem.writeAtomically = () => Promise.reject(error);
    return stateOnDisk("/state", { fileSystem, freeBytes });
  };
  const cause = Object.assign(new Error("no space left"), { code: "ENOSPC" });
  const full = await failing(new Error("Cannot write", { cause }));
  assert.equal(full.ok && full.value?.problem?.isFull, true);
  const readOnly = await failing(new Error("Read-only file system"));
  assert.equal(readOnly.ok && readOnly.value?.problem?.isFull, false);
  const denied = await failing(
    new FileAccessError("write", "permission denied"),
  );
  assert.equal(denied.ok, false);
});

Deno.test("processOf() reads who has locked a state directory", async () => {
  const fileSystem = new MemoryFileSystem();
  assert.equal(await processOf("/state", { fileSystem }), undefined);
  fileSystem.file("/state/lock", "12\n");
  assert.equal(await processOf("/state", { fileSystem }), 12);
  fileSystem.file("/state/lock", "../1");
  assert.equal(await processOf("/state", { fileSystem }), undefined);
});
