/** SIGHUP: never the end of a provider, and what it makes of its settings. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { makeFifo } from "../support/fifo.ts";
import { makeFiles } from "../support/image_tree.ts";
import { until } from "../support/lab_program.ts";
import {
  run,
  type RunningProgram,
  start,
  temporaryDirectory,
} from "../support/programs.ts";

for (const command of ["serve", "bootstrap"] as const) {
  Deno.test(`a SIGHUP before the first line of plasmd ${command} does not end it`, async () => {
    await using directory = await temporaryDirectory();
    const { path } = directory;
    await makeFiles(path, { "artifacts/stable/arm64/vmlinuz": 10 });
    const config = join(path, "plasmd.toml");
    // Nobody writes to it yet, so the program cannot have said a word.
    await makeFifo(config);
    await using program = start("plasmd", [
      ...[command, "--config", config, "--interface", "lo"],
      ...["--state-dir", join(path, "state"), "--p2p-port", "0"],
    ]);
    // Once it reads, it runs; what SigCgt of the kernel tells is Deno's own.
    using settings = await Deno.open(config, { write: true });
    Deno.kill(program.pid, "SIGHUP");
    const text = '[provider]\nartifacts_dir = "artifacts"\nport = 0\n' +
      "[mdns]\nenabled = false\n";
    await settings.write(new TextEncoder().encode(text));
    settings.close();
    if (command === "serve") {
      // What came early is done late, and once.
      await program.line(/Serving on /);
      await Deno.writeTextFile(config, text);
      await program.line(/INFO Reloaded the configuration/);
    } else {
      await program.line(/DHT node /);
      Deno.kill(program.pid, "SIGHUP");
      await program.line(/WARN SIGHUP changes nothing here: restart/);
    }
    assert.equal((await program.end("SIGTERM")).code, 0);
  });
}

/** A provider that nobody finds, and what its configuration is written with. */
async function serveConfigured(path: string, more: string): Promise<{
  readonly provider: RunningProgram;
  readonly url: string;
  /** Writes another configuration and has it read. */
  reload(provider: string): Promise<void>;
}> {
  const config = join(path, "plasmd.toml");
  const write = (lines: string) =>
    Deno.writeTextFile(
      config,
      `[provider]\nchannels = ["stable"]\narchitectures = ["arm64"]\n` +
        `state_dir = "state"\ninterfaces = ["lo"]\nport = 0\n${lines}\n` +
        `[dht]\nenabled = false\n[mdns]\nenabled = false\n`,
    );
  await write(more);
  const provider = start("plasmd", ["serve", "--config", config]);
  const [, url = ""] = await provider.line(/Serving on (\S+)/);
  await provider.line(/Serving stable\/arm64/);
  return {
    provider,
    url,
    async reload(lines) {
      await write(lines);
      Deno.kill(provider.pid, "SIGHUP");
    },
  };
}

const HAS_NO_SIGHUP = Deno.build.os === "windows";

Deno.test({
  name:
    "a SIGHUP to a directory that is not there says so, and drops what is looked for there",
  ignore: HAS_NO_SIGHUP,
  async fn() {
    await using directory = await temporaryDirectory();
    const { path } = directory;
    await makeFiles(path, { "artifacts/stable/arm64/vmlinuz": 10 });
    const { provider, url, reload } = await serveConfigured(
      path,
      'artifacts_dir = "artifacts"',
    );
    await using _provider = provider;
    const status = async () => {
      const answer = await fetch(`${url}/stable/arm64/manifest.json`);
      await answer.body?.cancel();
      return answer.status;
    };
    assert.equal(await status(), 200);
    await reload('artifacts_dir = "elsewhere"');
    await provider.line(/WARN .*elsewhere": there is no such directory/);
    await until("the image is gone", async () => await status() === 404);
    await reload('artifacts_dir = "artifacts"');
    await until("the image is back", async () => await status() === 200);
  },
});

Deno.test({
  name:
    "a SIGHUP takes a signing key that was replaced, and keeps the old one where the new one cannot be used",
  ignore: HAS_NO_SIGHUP,
  async fn() {
    await using directory = await temporaryDirectory();
    const { path } = directory;
    await makeFiles(path, { "artifacts/stable/arm64/vmlinuz": 10 });
    const keyPath = join(path, "owner.key");
    const makeKey = async () => {
      await Deno.remove(keyPath).catch(() => {}); // none yet
      const { stdout } = await run("plasmd", [
        ...["key", "generate", "--out", keyPath],
      ]);
      return /ed25519:[0-9a-f]{64}/.exec(stdout)?.[0];
    };
    const first = await makeKey();
    const settings =
      `artifacts_dir = "artifacts"\n[signing]\nkey = "owner.key"`;
    const { provider, url, reload } = await serveConfigured(path, settings);
    await using _provider = provider;
    const manifest = async () => {
      const answer = await fetch(`${url}/stable/arm64/manifest.json`);
      const { manifest_version, signatures } = await answer.json();
      return { manifest_version, keyId: signatures[0].keyid };
    };
    const before = await manifest();
    assert.equal(before.keyId, first);
    const second = await makeKey();
    await reload(settings);
    await provider.line(
      new RegExp(`WARN Replaced the signing key .*${second}.*${first} alone`),
    );
    await until(
      "the new key signs",
      async () => (await manifest()).keyId === second,
    );
    // The content is the same, and so is its version.
    assert.equal((await manifest()).manifest_version, before.manifest_version);
    await Deno.writeTextFile(keyPath, "");
    await reload(settings);
    await provider.line(
      new RegExp(`ERROR Cannot use signing key .*${second} goes on signing`),
    );
    assert.equal((await manifest()).keyId, second);
  },
});
