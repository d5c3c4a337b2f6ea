import assert from "node:assert/strict";
import { join } from "node:path";
import { makeFiles } from "../support/image_tree.ts";
import {
  type ProgramOptions,
  run,
  type RunningProgram,
  start,
  temporaryDirectory,
} from "../support/programs.ts";

/** Of this file alone: other tests share the loopback's multicast. */
const [A, B] = ["trouble-a", "trouble-b"] as const;

const IS_ROOT = Deno.build.os === "linux" && Deno.uid() === 0;
/** Root may read everything, unless it gives that up. */
const WITHOUT_PRIVILEGES = IS_ROOT
  ? [
    "setpriv",
    ...["--bounding-set", "--inh-caps"].flatMap((
      option,
    ) => [option, "-dac_override,-dac_read_search"]),
  ]
  : [];

function argumentsFor(root: string, port = 0): string[] {
  return [
    ...["serve", "--artifacts", join(root, "artifacts")],
    ...["--channel", A, "--channel", B, "--arch", "arm64"],
    ...["--interface", "lo", "--port", String(port), "--no-dht"],
    ...["--state-dir", join(root, "state")],
  ];
}

/** A provider of one image, under channel A. */
async function withProvider(
  options: ProgramOptions,
  test: (root: string, provider: RunningProgram) => Promise<void>,
): Promise<void> {
  await using directory = await temporaryDirectory();
  const { path } = directory;
  await makeFiles(path, { [`artifacts/${A}/arm64/vmlinuz`]: 4096 });
  await using provider = start("plasmd", argumentsFor(path), options);
  await provider.line(new RegExp(`Advertising ${A}/arm64`));
  await provider.line(new RegExp(`Missing artifacts for ${B}/arm64`));
  await test(path, provider);
}

function sleep(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}

/** Twice: the first time, and after the trouble. */
function againAdvertised(channel: string): RegExp {
  const line = `Advertising ${channel}/arm64`;
  return new RegExp(`${line}[^]*${line}`);
}

Deno.test({
  name:
    "a kernel that may not be read is withdrawn, said once, and offered again when it may",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    withProvider({ prefix: WITHOUT_PRIVILEGES }, async (root, provider) => {
      const kernel = join(root, "artifacts", A, "arm64", "vmlinuz");
      await Deno.chmod(kernel, 0);
      await provider.line(new RegExp(`Withdrew ${A}/arm64`));
      await provider.line(/Ignoring .*vmlinuz".*permission denied/);
      await sleep(3000);
      const said = provider.lines().filter((line) => line.includes("denied"));
      assert.equal(said.length, 1, said.join("\n"));
      await Deno.chmod(kernel, 0o644);
      await provider.line(againAdvertised(A));
    }),
});

Deno.test({
  name:
    "a provider without file descriptors keeps its images, says so once, and takes new ones when it has some again",
  ignore: !IS_ROOT,
  fn: () =>
    withProvider({}, async (root, provider) => {
      const limit = async (count: string) => {
        const { success } = await new Deno.Command("prlimit", {
          args: ["--pid", String(provider.pid), `--nofile=${count}:`],
        }).output();
        assert.ok(success);
      };
      // Fewer than are open: every further one is refused.
      await limit("8");
      const said = provider.lines().length;
      await makeFiles(root, { [`artifacts/${B}/arm64/vmlinuz`]: 4096 });
      await provider.line(/too many are open.*still be read is offered/);
      await sleep(6000);
      assert.equal(
        provider.lines().length,
        said + 1,
        provider.lines().join("\n"),
      );
      await limit("1024");
      await provider.line(new RegExp(`Advertising ${B}/arm64`));
      const lines = provider.lines().join("\n");
      assert.doesNotMatch(lines, /Withdrew/);
    }),
});

Deno.test("a provider whose port was taken while it was down says so, and comes up when it is free", async () => {
  await using directory = await temporaryDirectory();
  const { path } = directory;
  await makeFiles(path, { [`artifacts/${A}/arm64/vmlinuz`]: 4096 });
  const first = start("plasmd", argumentsFor(path));
  const [, port] = await first.line(/Serving on http:\S+:(\d+)/);
  await first.line(new RegExp(`Advertising ${A}/arm64`));
  await first.end("SIGKILL");
  const args = argumentsFor(path, Number(port));
  {
    using _taken = Deno.listen({ hostname: "127.0.0.1", port: Number(port) });
    const { code, stderr } = await run("plasmd", args);
    assert.equal(code, 2);
    assert.match(stderr, /^ERROR Cannot serve HTTP on .* another program/m);
    assert.doesNotMatch(stderr, /Advertising/);
  }
  // As a service manager does.
  await using provider = start("plasmd", args);
  await provider.line(new RegExp(`Advertising ${A}/arm64`));
});

Deno.test("files of the state directory that are damaged are set aside and made anew, keys are not", async () => {
  await using directory = await temporaryDirectory();
  const { path } = directory;
  const state = join(path, "state");
  await makeFiles(path, { [`artifacts/${A}/arm64/vmlinuz`]: 4096 });
  const args = argumentsFor(path).filter((argument) => argument !== "--no-dht");
  args.push("--p2p-port", "0", "--no-mdns");
  const untilServed = async () => {
    await using provider = start("plasmd", args);
    await provider.line(new RegExp(`Serving ${A}/arm64`));
    return (await provider.end("SIGTERM")).stderr;
  };
  const keyNames = ["signing.key", "identity.key"];
  const keys = () =>
    Promise.all(keyNames.map((name) => Deno.readTextFile(join(state, name))));
  await untilServed();
  const before = await keys();

  for (
    const name of ["digests.json", `manifests/${A}/arm64.json`, "dht.json"]
  ) {
    await Deno.writeTextFile(join(state, name), "{damaged");
    const lines = (await untilServed()).split("\n");
    const warnings = lines.filter((line) => line.includes(`${name}.damaged`));
    assert.equal(warnings.length, 1, `${name}: ${lines.join("\n")}`);
    assert.match(warnings[0] ?? "", /^WARN /);
    const aside = await Deno.readTextFile(join(state, `${name}.damaged`));
    assert.equal(aside, "{damaged");
  }
  assert.deepEqual(await keys(), before);

  for (const [i, name] of keyNames.entries()) {
    await Deno.writeTextFile(join(state, name), "damaged");
    const { code, stderr } = await run("plasmd", args);
    assert.equal(code, 2);
    assert.match(stderr, new RegExp(`^ERROR Cannot use .*${name}`, "m"));
    assert.equal(await Deno.readTextFile(join(state, name)), "damaged");
    await Deno.writeTextFile(join(state, name), before[i] ?? "");
  }
});
