import assert from "node:assert/strict";
import { join } from "node:path";
import { makeSpecificationTree } from "../support/image_tree.ts";
import {
  type Ended,
  run,
  type RunningProgram,
  start,
  temporaryDirectory,
} from "../support/programs.ts";

/** Of this file alone: other tests share the loopback's multicast. */
const [A, B] = ["e2e-a", "e2e-b"] as const;

/** `plasmd serve` on the specification's tree, on loopback. */
function serve(root: string, ...more: string[]): RunningProgram {
  return start("plasmd", [
    ...["serve", "--artifacts", join(root, "artifacts")],
    ...["--channel", A, "--channel", B, "--arch", "arm64", "--arch", "x86_64"],
    ...["--interface", "lo", "--port", "0", "--p2p-port", "0"],
    ...["--state-dir", join(root, "state"), ...more],
  ]);
}

/** A DHT node to meet at. */
function meet(root: string, ...more: string[]): RunningProgram {
  return start("plasmd", [
    ...["bootstrap", "--interface", "lo", "--p2p-port", "0"],
    ...["--state-dir", join(root, "meeting"), ...more],
  ]);
}

function discover(...args: string[]): Promise<Ended> {
  return run("phase_discover", ["--interface", "lo", ...args]);
}

async function withTree(
  test: (root: string) => Promise<void>,
): Promise<void> {
  await using directory = await temporaryDirectory();
  await makeSpecificationTree(join(directory.path, "artifacts"), [A, B]);
  await test(directory.path);
}

Deno.test("plasmd serve logs the specification's lines, exactly and in order", () =>
  withTree(async (root) => {
    await using provider = serve(root);
    await provider.line(new RegExp(`WARN Missing artifacts for ${B}/x86_64\n`));
    const lines = provider.lines();
    const first = lines.indexOf("INFO Found 2 channel/arch combinations");
    assert.deepEqual(lines.slice(first, first + 5), [
      "INFO Found 2 channel/arch combinations",
      `INFO Advertising ${A}/arm64`,
      `INFO Advertising ${B}/arm64`,
      `WARN Missing artifacts for ${A}/x86_64`,
      `WARN Missing artifacts for ${B}/x86_64`,
    ]);
  }));

Deno.test("phase_discover finds by mDNS what is there, and names what else is when it is not", () =>
  withTree(async (root) => {
    await using provider = serve(root, "--no-dht");
    await provider.line(new RegExp(`Advertising ${B}/arm64`));

    const found = await discover(
      "--channel",
      A,
      "--arch",
      "aarch64",
      "--quiet",
    );
    assert.equal(found.code, 0, found.stderr);
    const manifest = await (await fetch(found.stdout.trim())).json();
    assert.equal(manifest.channel, A);
    assert.equal(manifest.arch, "arm64");
    const { urls, hash } = manifest.artifacts.kernel;
    const kernel = await fetch(new URL(urls[0], found.stdout));
    const digest = await crypto.subtle.digest(
      "SHA-256",
      await kernel.arrayBuffer(),
    );
    assert.equal(hash, `sha256:${new Uint8Array(digest).toHex()}`);

    const missing = await discover(
      ...["--channel", B, "--arch", "x86_64", "--timeout", "3"],
    );
    assert.equal(missing.code, 3);
    assert.equal(missing.stdout, "");
    assert.match(
      missing.stderr,
      new RegExp(`Available: .*${A}/arm64, ${B}/arm64`),
    );
    assert.ok(missing.elapsedMs < 10_000);
  }));

Deno.test("phase_discover finds over the DHT with mDNS off on both sides", () =>
  withTree(async (root) => {
    await using meeting = meet(root);
    const [, bootstrap = ""] = await meeting.line(/DHT node (\S+)/);
    await using provider = serve(root, "--no-mdns", "--bootstrap", bootstrap);
    await provider.line(new RegExp(`Advertising ${B}/arm64`));

    const wan = ["--mode", "wan", "--bootstrap", bootstrap, "--channel", A];
    const found = await discover(
      ...[...wan, "--arch", "arm64", "--timeout", "15", "--format", "json"],
    );
    assert.equal(found.code, 0, found.stderr);
    const result = JSON.parse(found.stdout);
    assert.equal(result.source, "dht");
    assert.equal(result.channel, A);
    assert.deepEqual(result.verified_by, []);
    const manifest = await fetch(result.manifest_url);
    assert.equal((await manifest.json()).channel, A);

    const missing = await discover(
      ...[...wan, "--arch", "x86_64", "--timeout", "3"],
    );
    assert.equal(missing.code, 3);
    assert.match(missing.stderr, /Asked \d DHT node/);
  }));

Deno.test("a provider and a node to meet at share a machine without being told how", () =>
  withTree(async (root) => {
    const env = { XDG_STATE_HOME: root };
    await using meeting = start("plasmd", [
      ...["bootstrap", "--interface", "lo", "--p2p-port", "0"],
    ], { env });
    const [, bootstrap = ""] = await meeting.line(/DHT node (\S+)/);
    await using provider = start("plasmd", [
      ...["serve", "--artifacts", join(root, "artifacts"), "--channel", A],
      ...["--arch", "arm64", "--interface", "lo", "--port", "0", "--no-mdns"],
      ...["--p2p-port", "0", "--bootstrap", bootstrap],
    ], { env });
    await provider.line(new RegExp(`Advertising ${A}/arm64`));
  }));

Deno.test("a provider whose only DHT peer comes later is advertised then", () =>
  withTree(async (root) => {
    await using provider = serve(root, "--no-mdns");
    const [, address = ""] = await provider.line(/DHT node (\S+)/);
    await provider.line(/nobody can discover it yet: DHT: no DHT peer yet/);
    await using _meeting = meet(root, "--bootstrap", address);
    await provider.line(new RegExp(`INFO Advertising ${A}/arm64`));
  }));

Deno.test("plasmd serve notices a new image and a removed one without a restart", () =>
  withTree(async (root) => {
    await using provider = serve(root, "--no-dht");
    await provider.line(new RegExp(`Advertising ${B}/arm64`));
    const kernel = (name: string) => join(root, "artifacts", name, "vmlinuz");
    await Deno.rename(kernel(`${A}/arm64`), kernel(`${B}/x86_64`));
    await provider.line(new RegExp(`INFO Advertising ${B}/x86_64`));
    assert.ok(
      provider.lines().includes(`WARN Withdrew ${A}/arm64: missing artifacts`),
    );
    const gone = await discover(
      ...["--channel", A, "--arch", "arm64", "--timeout", "1"],
    );
    assert.equal(gone.code, 3);
  }));

Deno.test("plasmd serve keeps its key and the bytes of its manifests across a restart", () =>
  withTree(async (root) => {
    const manifest = async () => {
      await using provider = serve(root, "--no-dht", "--no-mdns");
      const [, url] = await provider.line(/Serving on (\S+)/);
      await provider.line(/Missing artifacts/);
      const response = await fetch(`${url}/${A}/arm64/manifest.json`);
      return await response.text();
    };
    const first = await manifest();
    assert.match(first, /"keyid":"ed25519:[0-9a-f]{64}"/);
    assert.equal(await manifest(), first);
    const { mode } = await Deno.stat(join(root, "state/signing.key"));
    assert.equal((mode ?? 0) & 0o777, 0o600);
  }));

Deno.test("plasmd serve on an empty directory finds nothing, says so, and keeps serving", async () => {
  await using directory = await temporaryDirectory();
  await Deno.mkdir(join(directory.path, "artifacts"));
  await using provider = serve(directory.path, "--no-dht");
  const [, url] = await provider.line(/Serving on (\S+)/);
  await provider.line(new RegExp(`Missing artifacts for ${B}/x86_64`));
  const lines = provider.lines();
  assert.ok(lines.includes("INFO Found 0 channel/arch combinations"));
  assert.equal(
    lines.filter((l) => l.startsWith("WARN Missing artifacts for")).length,
    4,
  );
  const health = await fetch(`${url}/health`);
  assert.deepEqual(await health.json(), { status: "ok" });
});

Deno.test("plasmd status tells per image and link what works", () =>
  withTree(async (root) => {
    await using provider = serve(root);
    const [, url = ""] = await provider.line(/Serving on (\S+)/);
    await provider.line(new RegExp(`Advertising ${B}/arm64`));
    const { code, stdout, stderr } = await run("plasmd", [
      ...["status", "--url", url],
    ]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, new RegExp(`image +${A}/arm64 .*mDNS yes, DHT `));
    assert.match(stdout, new RegExp(`missing +${A}/x86_64`));
    assert.match(stdout, /mdns +lo 127\.0\.0\.1 established/);
    assert.match(stdout, /dht +12D3\w+/);
    const json = await run("plasmd", ["status", "--json", "--url", url]);
    assert.equal(JSON.parse(json.stdout).images.length, 2);
    const none = await run("plasmd", ["status", "--url", "http://127.0.0.1:9"]);
    assert.equal(none.code, 3);
    assert.match(none.stderr, /127\.0\.0\.1:9.*--url/);
  }));

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  Deno.test(`plasmd serve withdraws and ends with 0 soon after ${signal}`, () =>
    withTree(async (root) => {
      const provider = serve(root);
      await provider.line(new RegExp(`Advertising ${B}/arm64`));
      const ended = await provider.end(signal);
      assert.equal(ended.code, 0, ended.stderr);
      assert.ok(ended.elapsedMs < 5000, `took ${ended.elapsedMs} ms`);
      const gone = await discover(
        ...["--channel", A, "--arch", "arm64", "--timeout", "1"],
      );
      assert.equal(gone.code, 3);
    }));
}

Deno.test("phase_discover ends with 130 when it is interrupted", async () => {
  const client = start("phase_discover", [
    ...["--interface", "lo", "--channel", "e2e-none", "--arch", "arm64"],
    ...["--timeout", "60"],
  ]);
  // It says nothing while it looks: give it the time to get there.
  await new Promise((resolve) => setTimeout(resolve, 1500));
  const { code, stderr } = await client.end("SIGINT");
  assert.equal(code, 130, stderr);
});
