import assert from "node:assert/strict";
import { join } from "node:path";
import { makeFiles } from "../support/image_tree.ts";
import { until } from "../support/lab_program.ts";
import {
  run,
  type RunningProgram,
  start,
  temporaryDirectory,
} from "../support/programs.ts";

/** Of this file alone: other tests share the loopback's multicast. */
const [A, B] = ["fault-a", "fault-b"] as const;

const CANNOT_MOUNT = Deno.build.os !== "linux" || Deno.uid() !== 0;
const WHY = CANNOT_MOUNT ? " (skipped: only root can mount a tmpfs)" : "";

/** A small file system in memory at this path, until it is unmounted. */
async function mount(
  path: string,
  size: string,
): Promise<AsyncDisposable & { unmount(): Promise<void> }> {
  await Deno.mkdir(path, { recursive: true });
  await command("mount", "-t", "tmpfs", "-o", `size=${size}`, "tmpfs", path);
  let isMounted = true;
  const unmount = async () => {
    if (!isMounted) return;
    isMounted = false;
    // Lazily, as when a disk is pulled: files that are open do not hold it.
    await command("umount", "-l", path);
  };
  return { unmount, [Symbol.asyncDispose]: unmount };
}

async function command(name: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(name, { args }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
}

function serve(
  root: string,
  more: readonly string[] = ["--no-dht"],
): RunningProgram {
  return start("plasmd", [
    ...["serve", "--artifacts", join(root, "artifacts")],
    ...["--channel", A, "--channel", B, "--arch", "arm64"],
    ...["--interface", "lo", "--port", "0", ...more],
    ...["--state-dir", join(root, "state")],
  ]);
}

/** Fills a file system up, until the file is removed. */
async function fillUp(directory: string): Promise<string> {
  const filler = join(directory, "filler");
  await assert.rejects(
    Deno.writeFile(filler, new Uint8Array(1 << 20)),
    /No space left/,
  );
  return filler;
}

Deno.test({
  name:
    `a state disk that fills up keeps no image back, and is written to when there is room again${WHY}`,
  ignore: CANNOT_MOUNT,
  async fn() {
    await using directory = await temporaryDirectory();
    const { path } = directory;
    const state = join(path, "state");
    await using _state = await mount(state, "128k");
    await makeFiles(path, { [`artifacts/${A}/arm64/vmlinuz`]: 4096 });
    await using provider = serve(path);
    const [, url] = await provider.line(/Serving on (\S+)/);
    await provider.line(new RegExp(`Advertising ${A}/arm64`));

    const filler = await fillUp(state);
    await makeFiles(path, { [`artifacts/${B}/arm64/vmlinuz`]: 4096 });
    await provider.line(/WARN .*manifests.*No space left.*higher version/);
    await provider.line(new RegExp(`Advertising ${B}/arm64`));
    const manifest = () =>
      fetch(`${url}/${B}/arm64/manifest.json`).then((a) => a.text());
    const served = await manifest();
    // Tried again meanwhile, and said once.
    await new Promise((resolve) => setTimeout(resolve, 6000));
    assert.equal(await manifest(), served);
    const said = provider.lines().filter((l) => l.includes("higher version"));
    assert.equal(said.length, 1);

    await Deno.remove(filler);
    // The disk is looked at every half minute at the latest.
    const kept = join(state, "manifests", B, "arm64.json");
    await until("the manifest is kept", async () => {
      return await Deno.readTextFile(kept).catch(() => "") === served;
    }, 60_000);
  },
});

Deno.test({
  name:
    `a state directory that is full or read-only from the start costs one warning, and no image${WHY}`,
  ignore: CANNOT_MOUNT,
  async fn() {
    await using directory = await temporaryDirectory();
    const { path } = directory;
    const state = join(path, "state");
    await makeFiles(path, { [`artifacts/${A}/arm64/vmlinuz`]: 4096 });
    await using disk = await mount(state, "128k");
    // Makes the keys, with a DHT node of its own.
    const dht = ["--p2p-port", "0"];
    {
      await using first = serve(path, dht);
      await first.line(new RegExp(`Advertising ${A}/arm64`));
    }
    // Another content, so that there is a digest and a manifest to be kept.
    await makeFiles(path, { [`artifacts/${A}/arm64/vmlinuz`]: 5000 });
    const assertServed = async () => {
      await using provider = serve(path, dht);
      await provider.line(new RegExp(`Advertising ${A}/arm64`));
      // Twice each for the digests, the manifest and the DHT's peers.
      const { code, stderr } = await provider.end("SIGTERM");
      assert.equal(code, 0, stderr);
      const warnings = stderr.split("\n").filter((l) =>
        l.startsWith("WARN") && !/Missing|over the DHT yet/.test(l)
      );
      assert.equal(warnings.length, 1, stderr);
      assert.match(warnings[0] ?? "", /Cannot write to the state directory: /);
    };
    const filler = await fillUp(state);
    await assertServed();
    await Deno.remove(filler);
    await command("mount", "-o", "remount,ro", state);
    await assertServed();
    await disk.unmount();
  },
});

Deno.test({
  name:
    `a key that would have to be made and cannot ends the start with 2, and one that is named lets it go on${WHY}`,
  ignore: CANNOT_MOUNT,
  async fn() {
    await using directory = await temporaryDirectory();
    const { path } = directory;
    const state = join(path, "state");
    await makeFiles(path, { [`artifacts/${A}/arm64/vmlinuz`]: 4096 });
    const key = join(path, "owner.key");
    await run("plasmd", ["key", "generate", "--out", key]);
    await using _state = await mount(state, "128k");
    await command("mount", "-o", "remount,ro", state);

    const unsigned = await serve(path).ended();
    assert.equal(unsigned.code, 2, unsigned.stderr);
    assert.match(unsigned.stderr, /^ERROR Cannot keep a new signing key: /m);
    const node = await run("plasmd", [
      ...["bootstrap", "--interface", "lo", "--p2p-port", "0"],
      ...["--state-dir", state],
    ]);
    assert.equal(node.code, 2, node.stderr);
    assert.match(node.stderr, /^ERROR Cannot keep a new DHT identity: /m);
    const made = await run("plasmd", [
      ...["key", "generate", "--out", join(state, "k.pem")],
    ]);
    assert.equal(made.code, 2, made.stderr);

    await using named = serve(path, ["--no-dht", "--signing-key", key]);
    await named.line(new RegExp(`Advertising ${A}/arm64`));
  },
});

for (
  const [name, loss] of [
    ["digests.json", "every artifact is read again"],
    ["dht.json", "the DHT is joined from scratch"],
  ] as const
) {
  Deno.test(`plasmd serve refuses ${name} of a newer version by its name, and takes an empty one`, async () => {
    await using directory = await temporaryDirectory();
    const { path } = directory;
    await makeFiles(path, { [`artifacts/${A}/arm64/vmlinuz`]: 4096 });
    await Deno.mkdir(join(path, "state"));
    const file = join(path, "state", name);
    await Deno.writeTextFile(file, '{"format":99,"x":1}');
    const { code, stderr } = await serve(path, ["--p2p-port", "0"]).ended();
    assert.equal(code, 2, stderr);
    assert.match(
      stderr,
      new RegExp(`^ERROR Cannot use ".*${name}": .*newer.*${loss}$`, "m"),
    );
    assert.equal(await Deno.readTextFile(file), '{"format":99,"x":1}');
    await Deno.writeTextFile(file, "");
    await using provider = serve(path, ["--p2p-port", "0"]);
    await provider.line(new RegExp(`Advertising ${A}/arm64`));
    assert.ok(!provider.lines().some((line) => line.includes(name)));
  });
}

Deno.test({
  name:
    `images on a disk that is unmounted are withdrawn, and offered again when it is back${WHY}`,
  ignore: CANNOT_MOUNT,
  async fn() {
    await using directory = await temporaryDirectory();
    const { path } = directory;
    const artifacts = join(path, "artifacts");
    const image = { [`${B}/arm64/vmlinuz`]: 4096 };
    await makeFiles(artifacts, { [`${A}/arm64/vmlinuz`]: 4096 });
    await using disk = await mount(artifacts, "1m");
    await makeFiles(artifacts, image);
    await using provider = serve(path);
    await provider.line(new RegExp(`Advertising ${B}/arm64`));
    await disk.unmount();
    // What the mount had hidden is there now.
    await provider.line(new RegExp(`Withdrew ${B}/arm64`));
    await provider.line(new RegExp(`Advertising ${A}/arm64`));

    await using _again = await mount(artifacts, "1m");
    await makeFiles(artifacts, image);
    await provider.line(new RegExp(`Withdrew ${A}/arm64`));
    await provider.line(
      new RegExp(`Advertising ${B}/arm64[^]*Advertising ${B}/arm64`),
    );
  },
});
