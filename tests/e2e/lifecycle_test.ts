import assert from "node:assert/strict";
import { join } from "node:path";
import { makeFiles } from "../support/image_tree.ts";
import {
  type Ended,
  run,
  type RunningProgram,
  start,
  temporaryDirectory,
} from "../support/programs.ts";

/** Of this file alone: other tests share the loopback's multicast. */
const [A, B] = ["life-a", "life-b"] as const;

/** `plasmd serve` on loopback, by mDNS only. */
function serve(root: string, ...more: string[]): RunningProgram {
  return start("plasmd", [
    ...["serve", "--artifacts", join(root, "artifacts")],
    ...["--channel", A, "--channel", B, "--arch", "x86_64"],
    ...["--interface", "lo", "--port", "0", "--no-dht"],
    ...["--state-dir", join(root, "state"), ...more],
  ]);
}

function discover(channel: string, timeoutSeconds: number): Promise<Ended> {
  return run("phase_discover", [
    ...["--interface", "lo", "--channel", channel, "--arch", "x86_64"],
    ...["--timeout", String(timeoutSeconds), "--mode", "lan"],
  ]);
}

/** A directory with one image, served under channel A. */
async function withProvider(
  test: (root: string, provider: RunningProgram) => Promise<void>,
): Promise<void> {
  await using directory = await temporaryDirectory();
  const { path } = directory;
  await makeFiles(path, { [`artifacts/${A}/x86_64/vmlinuz`]: 1 << 20 });
  await using provider = serve(path);
  await provider.line(new RegExp(`Advertising ${A}/x86_64`));
  await provider.line(new RegExp(`Missing artifacts for ${B}/x86_64`));
  await test(path, provider);
}

/** Images of a provider that has many. */
const MANY = 250;

function kernelIn(root: string, channel: string): string {
  return join(root, "artifacts", channel, "x86_64", "vmlinuz");
}

function sleep(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}

Deno.test("a kernel dropped into the tree of a running provider is found soon, and not soon after its removal", () =>
  withProvider(async (root, provider) => {
    const startMs = performance.now();
    await makeFiles(root, { [`artifacts/${B}/x86_64/vmlinuz`]: 1 << 20 });
    const found = await discover(B, 10);
    const foundMs = performance.now() - startMs;
    assert.equal(found.code, 0, found.stderr);
    // 3 s on an idle machine; this one runs other tests too.
    assert.ok(foundMs < 6000, `found after ${foundMs} ms`);
    await provider.line(new RegExp(`Advertising ${B}/x86_64`));

    const said = provider.lines().length;
    const removedMs = performance.now();
    await Deno.remove(kernelIn(root, B));
    await provider.line(new RegExp(`Withdrew ${B}/x86_64`));
    const withdrawnMs = performance.now() - removedMs;
    assert.ok(withdrawnMs < 3000, `withdrawn after ${withdrawnMs} ms`);
    assert.equal((await discover(B, 1)).code, 3);
    assert.deepEqual(provider.lines().slice(said), [
      `WARN Withdrew ${B}/x86_64: missing artifacts`,
    ]);
  }));

Deno.test("a kernel that is copied slowly, with a pause, is never advertised half-way", () =>
  withProvider(async (root, provider) => {
    const path = kernelIn(root, B);
    await Deno.mkdir(join(path, ".."), { recursive: true });
    const chunk = new Uint8Array(1 << 20).fill(7);
    const isAdvertised = () =>
      provider.lines().includes(`INFO Advertising ${B}/x86_64`);
    {
      using file = await Deno.open(path, { create: true, write: true });
      for (const pauseMs of [0, 500, 5000, 500]) {
        await sleep(pauseMs);
        await file.write(chunk);
        assert.ok(!isAdvertised());
      }
    }
    await provider.line(new RegExp(`INFO Advertising ${B}/x86_64`));
    const [, url] = await provider.line(/Serving on (\S+)/);
    const manifest = await fetch(`${url}/${B}/x86_64/manifest.json`);
    assert.equal((await manifest.json()).artifacts.kernel.size, 4 << 20);
  }));

Deno.test("a channel that is replaced by rename switches as one", () =>
  withProvider(async (root, provider) => {
    const [, url] = await provider.line(/Serving on (\S+)/);
    const versions = async () => {
      const response = await fetch(`${url}/${A}/x86_64/manifest.json`);
      if (!response.ok) return await response.text();
      const { version, cmdline } = await response.json();
      return `${version} ${cmdline}`;
    };
    const next = join(root, "next");
    await makeFiles(next, {
      "x86_64/vmlinuz": 1 << 20,
      "x86_64/version": "2",
      "x86_64/cmdline": "two",
    });
    await sleep(2500);
    await Deno.rename(join(root, "artifacts", A), join(root, "old"));
    await Deno.rename(next, join(root, "artifacts", A));
    const seen = new Set<string>();
    while (!seen.has("2 two")) {
      seen.add(await versions());
      assert.ok(seen.size < 10, [...seen].join("\n"));
      await sleep(20);
    }
    for (const answer of seen) {
      assert.match(answer, /^(\d{4}\.\d\d\.\d\d undefined|2 two|.*error.*)$/s);
    }
  }));

Deno.test("a provider that is started again reads no artifact that it knows", async () => {
  await using directory = await temporaryDirectory();
  const { path } = directory;
  // Large beside what Deno reads of its own caches, which differs by megabytes.
  await makeFiles(path, { [`artifacts/${A}/x86_64/vmlinuz`]: 1 << 24 });
  const readBytes = async () => {
    await using provider = serve(path);
    await provider.line(/Missing artifacts/);
    const io = await Deno.readTextFile(`/proc/${provider.pid}/io`);
    return Number(/rchar: (\d+)/.exec(io)?.[1]);
  };
  const first = await readBytes();
  const second = await readBytes();
  assert.ok(first - second > 1 << 23, `${first} bytes, then ${second}`);
});

Deno.test("a provider of many images that is started again is ready soon, reads none of them, and of changed ones only those", async () => {
  await using directory = await temporaryDirectory();
  const { path } = directory;
  const artifacts = join(path, "artifacts");
  const kernel = new Uint8Array(1 << 18).fill(7);
  for (let i = 0; i < MANY / 2; i++) {
    for (const arch of ["arm64", "x86_64"]) {
      const image = join(artifacts, `many-${i}`, arch);
      await Deno.mkdir(image, { recursive: true });
      await Deno.writeFile(join(image, "vmlinuz"), kernel);
    }
  }
  const startOnce = async () => {
    const startMs = performance.now();
    await using provider = start("plasmd", [
      ...[
        "serve",
        "--artifacts",
        artifacts,
        "--state-dir",
        join(path, "state"),
      ],
      ...["--interface", "lo", "--port", "0", "--no-dht", "--no-mdns"],
    ]);
    await provider.line(new RegExp(`Found ${MANY} `));
    const readyMs = performance.now() - startMs;
    const io = await Deno.readTextFile(`/proc/${provider.pid}/io`);
    return { readyMs, readBytes: Number(/rchar: (\d+)/.exec(io)?.[1]) };
  };
  const first = await startOnce();
  const second = await startOnce();
  const artifactBytes = MANY * kernel.length;
  assert.ok(
    first.readBytes - second.readBytes > artifactBytes * 0.9,
    `${first.readBytes} bytes, then ${second.readBytes}`,
  );
  // What a thousand take on an idle machine: tests/bench/scale_part.ts.
  assert.ok(second.readyMs < 10_000, `ready after ${second.readyMs} ms`);

  const changedBytes = 32 << 20;
  await Deno.writeFile(
    join(artifacts, "many-7", "arm64", "vmlinuz"),
    new Uint8Array(changedBytes),
  );
  const third = await startOnce();
  const moreBytes = third.readBytes - second.readBytes;
  assert.ok(
    moreBytes > changedBytes * 0.8 &&
      moreBytes < changedBytes + artifactBytes / 8,
    `${moreBytes} bytes more`,
  );
});

Deno.test("a link that is set to another release switches without a gap", () =>
  withProvider(async (root, provider) => {
    const [, url] = await provider.line(/Serving on (\S+)/);
    const channel = join(root, "artifacts", A);
    await Deno.rename(channel, `${channel}-1`);
    await makeFiles(`${channel}-2`, {
      "x86_64/vmlinuz": 1 << 20,
      "x86_64/version": "2",
    });
    const link = async (release: number) => {
      const next = join(root, "artifacts", "next");
      await Deno.symlink(`${A}-${release}`, next);
      await Deno.rename(next, channel);
    };
    await link(1);
    await sleep(2000);
    const said = provider.lines().length;
    await link(2);
    const seen = new Set<string>();
    while (!seen.has("2")) {
      const response = await fetch(`${url}/${A}/x86_64/manifest.json`);
      assert.equal(response.status, 200, await response.clone().text());
      seen.add((await response.json()).version);
      await sleep(20);
    }
    assert.equal(seen.size, 2, [...seen].join());
    assert.deepEqual(provider.lines().slice(said), []);
  }));

Deno.test("a second provider on one state directory is refused, and let in after the first was killed", () =>
  withProvider(async (root, provider) => {
    const args = ["serve", "--artifacts", join(root, "artifacts")];
    const state = ["--state-dir", join(root, "state"), "--port", "0"];
    const second = await run("plasmd", [...args, ...state]);
    assert.equal(second.code, 2, second.stderr);
    assert.match(second.stderr, new RegExp(`state".*${provider.pid}`));
    await provider.end("SIGKILL");
    await using third = serve(root);
    await third.line(new RegExp(`Advertising ${A}/x86_64`));
  }));

Deno.test("SIGHUP changes what is offered without a break, and keeps what it has when the new file is wrong", async () => {
  await using directory = await temporaryDirectory();
  const { path } = directory;
  await makeFiles(path, {
    [`artifacts/${A}/x86_64/vmlinuz`]: 64 << 20,
    [`artifacts/${B}/x86_64/vmlinuz`]: 1 << 20,
  });
  const config = join(path, "plasmd.toml");
  const configure = (channels: string, more = "") =>
    Deno.writeTextFile(
      config,
      `[provider]
channels = [${channels}]
architectures = ["x86_64"]
artifacts_dir = "${join(path, "artifacts")}"
state_dir = "${join(path, "state")}"
interfaces = ["lo"]
port = 0
[dht]
enabled = false
[http]
max_rate_per_connection = 16000000
${more}`,
    );
  await configure(`"${A}"`);
  await using provider = start("plasmd", ["serve", "--config", config]);
  const [, url] = await provider.line(/Serving on (\S+)/);
  await provider.line(new RegExp(`Advertising ${A}/x86_64`));

  const download = await fetch(`${url}/${A}/x86_64/kernel`);
  await configure(`"${A}", "${B}"`, "max_connections = 9");
  Deno.kill(provider.pid, "SIGHUP");
  await provider.line(/Reloaded the configuration: \[provider\] channels\n/);
  await provider.line(/Restart plasmd to change \[http\] max_connections/);
  await provider.line(new RegExp(`Advertising ${B}/x86_64`));

  await Deno.writeTextFile(config, "[provider]\nport = 0\nchanels = []\n");
  Deno.kill(provider.pid, "SIGHUP");
  await provider.line(
    /ERROR .*line 3.*chanels.*the old configuration stays in effect/,
  );

  await configure(`"${B}"`);
  Deno.kill(provider.pid, "SIGHUP");
  await provider.line(new RegExp(`Withdrew ${A}/x86_64`));
  assert.equal((await download.arrayBuffer()).byteLength, 64 << 20);
});
