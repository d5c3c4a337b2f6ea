import assert from "node:assert/strict";
import { join } from "node:path";
import { makeFiles } from "../support/image_tree.ts";
import {
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

function serve(root: string): RunningProgram {
  return start("plasmd", [
    ...["serve", "--artifacts", join(root, "artifacts")],
    ...["--channel", A, "--channel", B, "--arch", "arm64"],
    ...["--interface", "lo", "--port", "0", "--no-dht"],
    ...["--state-dir", join(root, "state")],
  ]);
}

Deno.test({
  name:
    `a full state disk keeps back only what needs a new manifest, until there is room again${WHY}`,
  ignore: CANNOT_MOUNT,
  async fn() {
    await using directory = await temporaryDirectory();
    const { path } = directory;
    await using _state = await mount(join(path, "state"), "128k");
    await makeFiles(path, { [`artifacts/${A}/arm64/vmlinuz`]: 4096 });
    await using provider = serve(path);
    const [, url] = await provider.line(/Serving on (\S+)/);
    await provider.line(new RegExp(`Advertising ${A}/arm64`));

    const filler = join(path, "state", "filler");
    await assert.rejects(
      Deno.writeFile(filler, new Uint8Array(1 << 20)),
      /No space left/,
    );
    await makeFiles(path, { [`artifacts/${B}/arm64/vmlinuz`]: 4096 });
    await provider.line(
      new RegExp(`Cannot offer ${B}/arm64: .*No space left`),
    );
    const manifest = await fetch(`${url}/${A}/arm64/manifest.json`);
    assert.equal(manifest.status, 200);
    await manifest.body?.cancel();
    // Tried again meanwhile, and said once.
    await new Promise((resolve) => setTimeout(resolve, 6000));
    const said = provider.lines().filter((l) => l.includes("Cannot offer"));
    assert.equal(said.length, 1);

    await Deno.remove(filler);
    await provider.line(new RegExp(`Advertising ${B}/arm64`));
  },
});

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
