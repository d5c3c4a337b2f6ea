import assert from "node:assert/strict";
import { join } from "node:path";
import { makeFiles } from "../support/image_tree.ts";
import { openNotifySocket } from "../support/notify_socket.ts";
import {
  type RunningProgram,
  start,
  temporaryDirectory,
} from "../support/programs.ts";

const KERNEL_BYTES = 8 << 20;
/** A download of the kernel takes four seconds. */
const RATE = KERNEL_BYTES / 4;

interface Served {
  readonly provider: RunningProgram;
  readonly url: string;
}

/** Serves one image without being found, with these lines of `[http]`. */
async function withProvider(
  http: string,
  test: (served: Served) => Promise<void>,
  env: Record<string, string> = {},
): Promise<void> {
  await using directory = await temporaryDirectory();
  const { path } = directory;
  await makeFiles(path, { "artifacts/stable/arm64/vmlinuz": KERNEL_BYTES });
  await Deno.writeTextFile(
    join(path, "plasmd.toml"),
    `[provider]
channels = ["stable"]
architectures = ["arm64"]
artifacts_dir = "artifacts"
state_dir = "state"
interfaces = ["lo"]
port = 0
[dht]
enabled = false
[mdns]
enabled = false
[http]
max_rate_per_connection = ${RATE}
${http}
`,
  );
  const config = join(path, "plasmd.toml");
  await using provider = start("plasmd", ["serve", "--config", config], {
    env,
  });
  const [, url = ""] = await provider.line(/Serving on (\S+)/);
  await provider.line(/Serving stable\/arm64/);
  await test({ provider, url });
}

/** @returns its length, or undefined when it broke off */
async function lengthOf(response: Response): Promise<number | undefined> {
  try {
    return (await response.arrayBuffer()).byteLength;
  } catch {
    return undefined;
  }
}

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  Deno.test(`${signal} lets a running download finish`, () =>
    withProvider("drain_timeout = 60", async ({ provider, url }) => {
      const download = await fetch(`${url}/stable/arm64/kernel`);
      const length = lengthOf(download);
      const { code, elapsedMs } = await provider.end(signal);
      assert.equal(await length, KERNEL_BYTES);
      assert.equal(code, 0);
      assert.ok(elapsedMs > 1000, `ended after ${elapsedMs} ms`);
    }));
}

Deno.test("SIGTERM breaks off a download that takes longer than drain_timeout", () =>
  withProvider("drain_timeout = 1", async ({ provider, url }) => {
    const download = await fetch(`${url}/stable/arm64/kernel`);
    const length = lengthOf(download);
    const { code, elapsedMs } = await provider.end("SIGTERM");
    assert.equal(await length, undefined);
    assert.equal(code, 0);
    assert.ok(elapsedMs > 900, `ended after ${elapsedMs} ms`);
  }));

Deno.test("a second signal ends a provider at once", () =>
  withProvider("drain_timeout = 60", async ({ provider, url }) => {
    const download = await fetch(`${url}/stable/arm64/kernel`);
    const length = lengthOf(download);
    Deno.kill(provider.pid, "SIGTERM");
    await new Promise((resolve) => setTimeout(resolve, 500));
    const { code, elapsedMs } = await provider.end("SIGINT");
    assert.equal(await length, undefined);
    assert.equal(code, 130);
    assert.ok(elapsedMs < 2000, `ended after ${elapsedMs} ms`);
  }));

Deno.test("systemd is told that a provider is ready, alive and stopping", async () => {
  await using directory = await temporaryDirectory();
  const path = join(directory.path, "notify");
  using socket = openNotifySocket(path);
  await withProvider("", async ({ provider }) => {
    const seen = new Set<string>();
    while (!seen.has("READY=1") || !seen.has("WATCHDOG=1")) {
      for (const message of await socket.take(1)) seen.add(message);
    }
    assert.ok(!seen.has("STOPPING=1"));
    const { code, stderr } = await provider.end("SIGTERM");
    assert.equal(code, 0);
    assert.doesNotMatch(stderr, /service manager/);
    assert.ok(socket.untaken().includes("STOPPING=1"));
  }, { NOTIFY_SOCKET: path, WATCHDOG_USEC: "500000" });
});

Deno.test("SIGUSR1 leaves no debugger open, and ends nothing", () =>
  withProvider("", async ({ provider, url }) => {
    Deno.kill(provider.pid, "SIGUSR1");
    // Others on this machine may have one at that port.
    const [, id = ""] = await provider.line(/127\.0\.0\.1:9229\/(\S+)/);
    await provider.line(/^WARN SIGUSR1 made Deno open .* closed again/m);
    const open = await fetch("http://127.0.0.1:9229/json/list").then(
      (response) => response.text(),
      () => "nobody listens",
    );
    assert.ok(!open.includes(id), open);
    const response = await fetch(`${url}/health`);
    assert.equal(response.status, 200);
    await response.body?.cancel();
    assert.equal((await provider.end("SIGTERM")).code, 0);
  }));
