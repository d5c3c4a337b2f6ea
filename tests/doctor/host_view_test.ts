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
      { passphrase: unseen, isRunning: false, signal },
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
    await keysOnDisk(SETTINGS, { fileSystem }, {
      passphrase: unseen,
      isRunning: false,
      signal,
    }),
    {
      keys: [],
      notLookedAt: ['the signing key "/state/signing.key": nobody to ask'],
    },
  );
});

Deno.test("keysOnDisk() blames what may not be read here, unless a provider runs that may", async () => {
  const fileSystem = new MemoryFileSystem();
  const pem = await (await generateSigningKey()).toPem();
  const look = (isRunning: boolean) =>
    keysOnDisk(SETTINGS, { fileSystem }, {
      passphrase: unseen,
      isRunning,
      signal,
    });
  const denied = new FileAccessError("read", "permission denied");
  fileSystem.file("/state/signing.key", pem, { mode: 0o600 });
  fileSystem.readText = () => Promise.reject(denied);
  assert.match((await look(true)).notLookedAt.join(), /may not read it/);
  const [key] = (await look(false)).keys;
  assert.match(key?.problem ?? "", /give it to the user of plasmd$/);
  // A directory that may not be entered.
  fileSystem.stat = () => Promise.reject(denied);
  assert.deepEqual(await look(true), {
    keys: [],
    notLookedAt: ['the signing key "/state/signing.key": permission denied'],
  });
  assert.match((await look(false)).keys[0]?.problem ?? "", /may not read it/);
  fileSystem.stat = () =>
    Promise.reject(
      new FileAccessError("read", "its symbolic links form a loop"),
    );
  assert.match((await look(true)).keys[0]?.problem ?? "", /form a loop/);
});

const RUNNING = { isRunning: true };
const NOT_RUNNING = { isRunning: false };

Deno.test("stateOnDisk() writes and leaves nothing, and tells a full disk from others", async () => {
  const fileSystem = new MemoryFileSystem().file("/state/lock", "12\n");
  const disk = { fileSystem, freeBytes };
  const before = await fileSystem.list("/state");
  const view = await stateOnDisk("/state", disk, RUNNING);
  assert.ok(view.ok && view.value?.problem === undefined);
  assert.deepEqual(await fileSystem.list("/state"), before);

  const failing = (error: Error, options = RUNNING) => {
    fileSystem.writeAtomically = () => Promise.reject(error);
    return stateOnDisk("/state", disk, options);
  };
  const cause = Object.assign(new Error("no space left"), { code: "ENOSPC" });
  const full = await failing(new Error("Cannot write", { cause }));
  assert.equal(full.ok && full.value?.problem?.kind, "full");
  const readOnly = await failing(new Error("Read-only file system"));
  assert.equal(readOnly.ok && readOnly.value?.problem?.kind, "unusable");
  const denied = new FileAccessError("write", "permission denied");
  assert.equal((await failing(denied)).ok, true);
  // One that has its lock there may write there.
  using _lock = await fileSystem.lock("/state/lock");
  assert.equal((await failing(denied)).ok, false);
  // Where none runs it is this user who would start one.
  const here = await failing(denied, NOT_RUNNING);
  assert.equal(here.ok && here.value?.problem?.kind, "forbidden");
});

Deno.test("stateOnDisk() tells whether one that is not there can be made", async () => {
  const fileSystem = new MemoryFileSystem().file("/var/a-file");
  const disk = { fileSystem, freeBytes };
  const none = { ok: true, value: undefined };
  const before = await fileSystem.list("/var");
  for (const options of [RUNNING, NOT_RUNNING]) {
    assert.deepEqual(await stateOnDisk("/var/a/b", disk, options), none);
  }
  assert.deepEqual(await fileSystem.list("/var"), before);
  for (const path of ["/var/a-file", "/var/a-file/state"]) {
    const view = await stateOnDisk(path, disk, NOT_RUNNING);
    assert.match(
      view.ok ? view.value?.problem?.message ?? "" : "",
      /"\/var\/a-file" is no directory/,
    );
  }
  fileSystem.writeAtomically = () =>
    Promise.reject(new FileAccessError("write", "permission denied"));
  const denied = await stateOnDisk("/var/a", disk, NOT_RUNNING);
  assert.equal(denied.ok && denied.value?.problem?.kind, "forbidden");
});

Deno.test("stateOnDisk() tells whether another provider uses it", async () => {
  const fileSystem = new MemoryFileSystem().file("/state/lock", "12\n");
  const disk = { fileSystem, freeBytes };
  const isLocked = async () => {
    const view = await stateOnDisk("/state", disk, NOT_RUNNING);
    return view.ok && view.value?.isLocked;
  };
  assert.equal(await isLocked(), false);
  using _lock = await fileSystem.lock("/state/lock");
  assert.equal(await isLocked(), true);
});

Deno.test("processOf() reads who has locked a state directory", async () => {
  const fileSystem = new MemoryFileSystem();
  assert.equal(await processOf("/state", { fileSystem }), undefined);
  fileSystem.file("/state/lock", "12\n");
  assert.equal(await processOf("/state", { fileSystem }), 12);
  fileSystem.file("/state/lock", "../1");
  assert.equal(await processOf("/state", { fileSystem }), undefined);
});
