import assert from "node:assert/strict";
import { createPrivateKey } from "node:crypto";
import { UserError } from "../../lib/core/errors.ts";
import { openEnvelope } from "../../lib/manifest/envelope.ts";
import type { ConfigSource, ServeConfig } from "../../lib/provider/machine.ts";
import {
  type OpenLibrary,
  openLibrary,
} from "../../lib/provider/open_library.ts";
import {
  MEMORY_CONFIG,
  type MemoryMachine,
  memoryMachine,
} from "../support/provider_machine.ts";
import { testSigningKey } from "../support/signing_keys.ts";

const { signal } = new AbortController();

/** Settings that a test changes. */
class MemoryConfigSource implements ConfigSource {
  readonly listeners = new Set<(config: ServeConfig) => Promise<void>>();

  subscribe(listener: (config: ServeConfig) => Promise<void>): Disposable {
    this.listeners.add(listener);
    return { [Symbol.dispose]: () => this.listeners.delete(listener) };
  }
}

function open(
  machine: MemoryMachine,
  { config = MEMORY_CONFIG, changes = new MemoryConfigSource(), ...more }: {
    readonly config?: ServeConfig;
    readonly signs?: boolean;
    readonly changes?: ConfigSource;
    readonly onChange?: () => void;
  } = {},
) {
  return openLibrary(config, machine, {
    changes,
    onChange: () => {},
    ...more,
    signal,
  });
}

Deno.test("openLibrary() makes a key when the first image needs one, and says which", async () => {
  const machine = memoryMachine();
  await using opened = await open(machine);
  assert.deepEqual(machine.logger.lines, []);
  await opened.library.refresh({ signal });
  assert.equal(opened.library.images().length, 1);
  assert.equal(machine.logger.lines.length, 1);
  assert.match(
    machine.logger.lines[0] ?? "",
    /^INFO Created the signing key "\/state\/signing\.key": clients trust ed25519:[0-9a-f]{64}$/,
  );
});

Deno.test("openLibrary() refuses a key that is named and not there, and lets others in", async () => {
  const machine = memoryMachine();
  const signing = { ...MEMORY_CONFIG.signing, keys: ["/keys/owner.key"] };
  await assert.rejects(
    open(machine, { config: { ...MEMORY_CONFIG, signing } }),
    (error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, /"\/keys\/owner\.key": there is no such/);
      return true;
    },
  );
  await using _opened = await open(machine);
});

/** Key files that a test replaces, and who signs with them. */
function openWithKeys(
  paths: readonly string[],
  { passphraseFile }: { readonly passphraseFile?: string } = {},
) {
  const machine = memoryMachine();
  const asked: string[] = [];
  const put = async (path: string, number: number, passphrase?: string) => {
    const key = await testSigningKey(number);
    const pem = await key.toPem();
    const text = passphrase === undefined ? pem : locked(pem, passphrase);
    machine.fileSystem.file(path, text, { mode: 0o600 });
    return key.publicKey.keyId;
  };
  const changes = new MemoryConfigSource();
  const config = {
    ...MEMORY_CONFIG,
    signing: { ...MEMORY_CONFIG.signing, keys: paths, passphraseFile },
  };
  return {
    ...machine,
    asked,
    put,
    open: () =>
      open({
        ...machine,
        passphraseFrom: (file) => (path) => {
          asked.push(`${file} for ${path}`);
          return Promise.resolve("secret");
        },
      }, { config, changes }),
    async reload() {
      for (const listener of changes.listeners) await listener(config);
    },
  };
}

/** The same key with a passphrase. */
function locked(pem: string, passphrase: string): string {
  return createPrivateKey(pem).export({
    type: "pkcs8",
    format: "pem",
    cipher: "aes-256-cbc",
    passphrase,
  }).toString();
}

async function signersOf({ library }: OpenLibrary): Promise<string[]> {
  await library.refresh({ signal });
  const [image] = library.images();
  const envelope = openEnvelope(image?.manifest.bytes ?? new Uint8Array());
  assert.ok(envelope.ok);
  return envelope.value.signatures.map(({ keyId }) => keyId);
}

Deno.test("openLibrary() has every key that is named sign, and takes each that is replaced", async () => {
  const box = openWithKeys(["/a.pem", "/b.pem"]);
  const a = await box.put("/a.pem", 1);
  const b = await box.put("/b.pem", 2);
  await using opened = await box.open();
  assert.deepEqual(await signersOf(opened), [a, b].sort());
  const c = await box.put("/b.pem", 3);
  await box.reload();
  assert.deepEqual(await signersOf(opened), [a, c].sort());
  box.fileSystem.file("/a.pem", "garbage", { mode: 0o600 });
  const d = await box.put("/b.pem", 4);
  await box.reload();
  assert.deepEqual(await signersOf(opened), [a, d].sort());
  const said = box.logger.lines.filter((line) => !line.startsWith("INFO"));
  assert.equal(said.length, 3, said.join("\n"));
  assert.match(said[0] ?? "", new RegExp(`^WARN Replaced .*"/b.pem".*${c}`));
  assert.match(said[1] ?? "", new RegExp(`^ERROR .*"/a.pem".*; ${a} goes on`));
  assert.match(said[2] ?? "", new RegExp(`^WARN Replaced .*"/b.pem".*${d}`));
});

Deno.test("openLibrary() asks for passphrases at the start alone, and opens keys that are replaced with them", async () => {
  const box = openWithKeys(["/a.pem", "/b.pem"]);
  const a = await box.put("/a.pem", 1, "secret");
  const b = await box.put("/b.pem", 2);
  await using opened = await box.open();
  await box.reload();
  assert.deepEqual(await signersOf(opened), [a, b].sort());
  assert.ok(box.logger.lines.every((line) => line.startsWith("INFO")));
  const c = await box.put("/a.pem", 3, "secret");
  await box.put("/b.pem", 4, "secret");
  await box.reload();
  assert.deepEqual(await signersOf(opened), [c, b].sort());
  assert.match(
    box.logger.lines.at(-1) ?? "",
    /^ERROR .*"\/b.pem": it has a passphrase, which is asked for at the start/,
  );
  assert.deepEqual(box.asked, ["undefined for /a.pem"]);
});

Deno.test("openLibrary() reads a passphrase file again for a key that is replaced, but no pipe", async () => {
  const box = openWithKeys(["/a.pem"], { passphraseFile: "/pass" });
  await box.put("/a.pem", 1, "secret");
  // Not there: as a pipe, it can be read no more.
  await using opened = await box.open();
  const b = await box.put("/a.pem", 2, "secret");
  await box.reload();
  assert.deepEqual(await signersOf(opened), [b]);
  assert.deepEqual(box.asked, ["/pass for /a.pem"]);
  box.fileSystem.file("/pass", "secret", { mode: 0o600 });
  await box.reload();
  assert.equal(box.asked.length, 2);
});

Deno.test("openLibrary() keeps another provider out until it is closed", async () => {
  const machine = memoryMachine();
  {
    await using _opened = await open(machine);
    await assert.rejects(open(machine), UserError);
  }
  await using _again = await open(machine);
});

Deno.test("openLibrary() takes what can change, warns of the rest, and listens no longer once closed", async () => {
  const machine = memoryMachine();
  machine.fileSystem.file("/other/beta/arm64/vmlinuz", "k");
  const changes = new MemoryConfigSource();
  let changed = 0;
  const after: ServeConfig = {
    ...MEMORY_CONFIG,
    artifactsDir: "/other",
    port: 9090,
  };
  {
    await using opened = await open(machine, {
      changes,
      onChange: () => changed++,
    });
    assert.equal(opened.settings(), MEMORY_CONFIG);
    for (const listener of changes.listeners) await listener(after);
    assert.equal(changed, 1);
    assert.deepEqual(opened.settings(), { ...after, port: 0 });
    assert.deepEqual(machine.logger.lines, [
      "INFO Reloaded the configuration: [provider] artifacts_dir",
      "WARN Restart plasmd to change [provider] port: the old value still applies",
    ]);
    await opened.library.refresh({ signal });
    assert.deepEqual(
      opened.library.images().map(({ image }) => image),
      [{ channel: "beta", arch: "arm64" }],
    );
  }
  assert.equal(changes.listeners.size, 0);
});

Deno.test("openLibrary() makes a place for trust documents, where it can", async () => {
  const machine = memoryMachine();
  await using _opened = await open(machine);
  assert.deepEqual(await machine.fileSystem.list("/state/trust"), []);

  const readOnly = memoryMachine();
  readOnly.fileSystem.file("/state/trust", "no directory");
  await using _other = await open(readOnly);
});

Deno.test("openLibrary() that signs nothing makes no key, and does not offer what is not signed", async () => {
  const machine = memoryMachine();
  await using opened = await open(machine, { signs: false });
  await opened.library.refresh({ signal });
  assert.deepEqual(opened.library.images(), []);
  assert.equal(opened.library.keyProblem, undefined);
  assert.match(
    opened.library.warnings.join("\n"),
    /^Cannot offer stable\/arm64: .* a mirror signs nothing; offer it with plasmd serve$/,
  );
  await assert.rejects(machine.fileSystem.stat("/state/signing.key"));
});
