import assert from "node:assert/strict";
import { UserError } from "../../lib/core/errors.ts";
import { openEnvelope } from "../../lib/manifest/envelope.ts";
import type { ConfigSource, ServeConfig } from "../../lib/provider/machine.ts";
import { openLibrary } from "../../lib/provider/open_library.ts";
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
  { config = MEMORY_CONFIG, changes = new MemoryConfigSource(), onChange }: {
    readonly config?: ServeConfig;
    readonly changes?: ConfigSource;
    readonly onChange?: () => void;
  } = {},
) {
  return openLibrary(config, machine, {
    changes,
    onChange: onChange ?? (() => {}),
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

Deno.test("openLibrary() has every key that is named sign every manifest", async () => {
  const machine = memoryMachine();
  const paths = ["/keys/a.pem", "/keys/b.pem"];
  const keyIds: string[] = [];
  for (const [i, path] of paths.entries()) {
    const key = await testSigningKey(i + 1);
    machine.fileSystem.file(path, await key.toPem(), { mode: 0o600 });
    keyIds.push(key.publicKey.keyId);
  }
  const signing = { ...MEMORY_CONFIG.signing, keys: paths };
  await using opened = await open(machine, {
    config: { ...MEMORY_CONFIG, signing },
  });
  await opened.library.refresh({ signal });
  const [image] = opened.library.images();
  const envelope = openEnvelope(image?.manifest.bytes ?? new Uint8Array());
  assert.ok(envelope.ok);
  assert.deepEqual(
    envelope.value.signatures.map(({ keyId }) => keyId),
    keyIds.sort(),
  );
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
      "WARN Restart plasmd to change [provider] port: the old value holds",
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
