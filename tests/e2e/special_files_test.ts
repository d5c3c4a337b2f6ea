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

const NO_FIFOS = Deno.build.os === "windows";
const WHY = NO_FIFOS ? " (skipped: Windows has no FIFOs in directories)" : "";

async function makeFifos(...paths: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("mkfifo", { args: paths })
    .output();
  assert.ok(success, new TextDecoder().decode(stderr));
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Ends a program, by force when it does not end by itself in time. */
async function endInTime(
  program: RunningProgram,
  timeoutMs: number,
): Promise<Ended> {
  let forced = false;
  const timer = setTimeout(() => {
    forced = true;
    Deno.kill(program.pid, "SIGKILL");
  }, timeoutMs);
  try {
    const ended = await program.end("SIGTERM");
    assert.ok(!forced, `still there ${timeoutMs} ms after SIGTERM`);
    return ended;
  } finally {
    clearTimeout(timer);
  }
}

/** Serves what lies in `artifacts` to nobody but loopback. */
function serve(root: string, ...more: string[]): RunningProgram {
  return start("plasmd", [
    ...["serve", "--artifacts", join(root, "artifacts")],
    ...["--channel", "stable", "--arch", "arm64", "--interface", "lo"],
    ...["--port", "0", "--no-dht", "--no-mdns"],
    ...["--state-dir", join(root, "state"), ...more],
  ]);
}

/** Fails when it takes seconds. */
async function manifestOf(url: string): Promise<Response> {
  return await fetch(`${url}/stable/arm64/manifest.json`, {
    signal: AbortSignal.timeout(3000),
  });
}

Deno.test({
  name:
    `FIFOs that come into a running provider's directories stop neither HTTP nor news nor SIGTERM${WHY}`,
  ignore: NO_FIFOS,
  async fn() {
    await using directory = await temporaryDirectory();
    const root = directory.path;
    const at = (...names: string[]) => join(root, "artifacts", ...names);
    await makeFiles(root, {
      "artifacts/stable/arm64/vmlinuz": 4096,
      "artifacts/stable/arm64/sub/note": 16,
    });
    await makeFifos(at("before"));
    await using provider = serve(root);
    const [, url = ""] = await provider.line(/Serving on (\S+)/);
    await provider.line(/Serving stable\/arm64/);
    await makeFifos(
      at("x"),
      at("stable", "y"),
      at("stable", "arm64", "z"),
      at("stable", "arm64", "sub", "p"),
    );
    await pause(500);
    // Another directory in its place is watched anew.
    await Deno.rename(at(), join(root, "old"));
    await makeFiles(root, {
      "artifacts/stable/arm64/vmlinuz": 4096,
      "artifacts/stable/arm64/initrd.img": 16,
    });
    await makeFifos(at("x"), at("stable", "y"), at("stable", "arm64", "z"));
    let body = "";
    for (let i = 0; i < 150 && !body.includes("initrd.img"); i++) {
      await pause(200);
      body = await (await manifestOf(url)).text();
    }
    assert.match(body, /initrd\.img/, "the new image was never served");
    for (const name of ["before", "x", "stable/y", "stable/arm64/z"]) {
      await provider.line(
        new RegExp(`WARN Ignoring "${at(name)}": it is not a regular file`),
      );
    }
    // So that the watcher is held up when the signal comes.
    await makeFifos(at("last"));
    await pause(300);
    const { code, stderr } = await endInTime(provider, 10_000);
    assert.equal(code, 0, stderr);
    const before = stderr.split(`Ignoring "${at("before")}"`).length - 1;
    assert.equal(before, 1, "said once");
  },
});

Deno.test({
  name:
    `a kernel that becomes a FIFO is not waited for, by a download, the scan or SIGTERM${WHY}`,
  ignore: NO_FIFOS,
  async fn() {
    await using directory = await temporaryDirectory();
    const root = directory.path;
    await makeFiles(root, { "artifacts/stable/arm64/vmlinuz": 4096 });
    await using provider = serve(root);
    const [, url = ""] = await provider.line(/Serving on (\S+)/);
    await provider.line(/Serving stable\/arm64/);
    const kernel = join(root, "artifacts/stable/arm64/vmlinuz");
    await Deno.remove(kernel);
    await makeFifos(kernel);
    // At once, before it is known: more often than there are threads to wait.
    const statuses = await Promise.all(
      Array.from({ length: 40 }, async () => {
        const response = await fetch(`${url}/stable/arm64/kernel`, {
          signal: AbortSignal.timeout(10_000),
        });
        await response.body?.cancel();
        return response.status;
      }),
    );
    assert.ok(statuses.every((status) => status >= 400), statuses.join());
    await provider.line(/WARN Ignoring ".*vmlinuz": it is not a regular file/);
    const { code } = await endInTime(provider, 10_000);
    assert.equal(code, 0);
  },
});

Deno.test({
  name:
    `what cannot be read in STATE/trust takes no image off, and is said once${WHY}`,
  ignore: NO_FIFOS,
  async fn() {
    await using directory = await temporaryDirectory();
    const root = directory.path;
    const trust = join(root, "state", "trust");
    await makeFiles(root, { "artifacts/stable/arm64/vmlinuz": 4096 });
    await Deno.mkdir(join(trust, "1.json"), { recursive: true });
    await makeFifos(join(trust, "2.json"));
    await Deno.symlink("3.json", join(trust, "3.json"));
    await Deno.writeFile(join(trust, "4.json"), new Uint8Array(2 << 20));
    await Deno.writeFile(join(trust, "5.json"), new Uint8Array([0xff, 0xfe]));
    for (const start of ["first", "second"]) {
      await using provider = serve(root);
      const [, url = ""] = await provider.line(/Serving on (\S+)/);
      await provider.line(/Serving stable\/arm64/);
      const response = await manifestOf(url);
      await response.body?.cancel();
      assert.equal(response.status, 200, start);
      await pause(3000);
      const { code, stderr } = await endInTime(provider, 10_000);
      assert.equal(code, 0);
      for (const number of [1, 2, 3, 4, 5]) {
        const said = stderr.split(`Ignoring "${trust}/${number}.json"`);
        assert.equal(said.length - 1, 1, `${number}.json:\n${stderr}`);
      }
    }
  },
});

Deno.test({
  name:
    `a configuration through a FIFO is waited for, and SIGTERM ends the wait${WHY}`,
  ignore: NO_FIFOS,
  async fn() {
    await using directory = await temporaryDirectory();
    const root = directory.path;
    await makeFiles(root, { "artifacts/stable/arm64/vmlinuz": 4096 });
    const config = join(root, "config");
    await makeFifos(config);
    {
      await using provider = serve(root, "--config", config);
      await Deno.writeTextFile(config, '[provider]\nname = "piped"\n');
      await provider.line(/Serving stable\/arm64/);
      assert.equal((await endInTime(provider, 10_000)).code, 0);
    }
    await using waiting = serve(root, "--config", config);
    await pause(1500);
    const { code, stderr } = await endInTime(waiting, 10_000);
    assert.equal(code, 130);
    assert.match(stderr, /WARN Still busy 5 s after SIGTERM/);
  },
});

Deno.test("plasmd scan takes no signature for a kernel", async () => {
  await using directory = await temporaryDirectory();
  const root = directory.path;
  await makeFiles(root, {
    "stable/arm64/vmlinuz-6.12.sig": 64,
    "testing/arm64/vmlinuz-6.12": 64,
    "testing/arm64/vmlinuz-6.12.sha256": 64,
    "testing/arm64/initrd.sig": 64,
    "testing/arm64/rootfs.squashfs.sha256": 64,
  });
  const { code, stdout } = await run("plasmd", [
    ...["scan", "--artifacts", root, "--arch", "arm64", "--json"],
    ...["--channel", "stable", "--channel", "testing"],
  ]);
  assert.equal(code, 0);
  const { available, missing } = JSON.parse(stdout);
  assert.equal(available.length, 1);
  assert.deepEqual(
    [available[0].kernel, available[0].initramfs, available[0].rootfs],
    ["vmlinuz-6.12", null, null],
  );
  assert.equal(missing.length, 1);
  assert.equal(missing[0].channel, "stable");
});
