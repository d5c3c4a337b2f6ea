/** That a provider gives back every file that it opens. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { bundlePrograms } from "../../tools/bundle.ts";
import { PLASMD_FLAGS } from "../../tools/shipped_flags.ts";
import { makeFiles } from "../support/image_tree.ts";
import { start, temporaryDirectory } from "../support/programs.ts";

const isLinux = Deno.build.os === "linux";
const IMAGE = "descriptors/arm64";
const CHANGES = 8;

async function openDescriptors(pid: number): Promise<string[]> {
  const targets: string[] = [];
  for await (const { name } of Deno.readDir(`/proc/${pid}/fd`)) {
    targets.push(
      await Deno.readLink(`/proc/${pid}/fd/${name}`).catch(() => "closed"),
    );
  }
  return targets;
}

/** The manifest once it is another one than before. */
async function manifestAfter(before: string, url: string): Promise<string> {
  for (let tries = 0; tries < 200; tries++) {
    const response = await fetch(url);
    const text = await response.text();
    if (response.ok && text !== before) return text;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${url} stays the same`);
}

Deno.test({
  name: `a provider, bundled, has no more files open after ${CHANGES} changes${
    isLinux ? "" : " (skipped: they are read from Linux's /proc)"
  }`,
  ignore: !isLinux,
  async fn() {
    await using directory = await temporaryDirectory();
    const root = directory.path;
    const program = join(root, "plasmd.js");
    for (const { name, text } of await bundlePrograms()) {
      await Deno.writeTextFile(join(root, name), text);
    }
    await makeFiles(root, { [`artifacts/${IMAGE}/vmlinuz`]: 1000 });
    await using provider = start("plasmd", [
      ...["serve", "--artifacts", join(root, "artifacts")],
      ...["--channel", "descriptors", "--arch", "arm64", "--port", "0"],
      ...["--interface", "lo", "--bind", "127.0.0.1", "--no-dht", "--no-mdns"],
      ...["--state-dir", join(root, "state")],
    ], {
      runner: [Deno.execPath(), "run", "--no-config", ...PLASMD_FLAGS, program],
    });
    const [, port] = await provider.line(/Serving on http:\S+:(\d+)/);
    const url = `http://127.0.0.1:${port}/${IMAGE}/manifest.json`;
    let manifest = await manifestAfter("", url);
    const change = async (sizeBytes: number) => {
      await makeFiles(root, { next: sizeBytes });
      await Deno.rename(
        join(root, "next"),
        join(root, "artifacts", IMAGE, "vmlinuz"),
      );
      manifest = await manifestAfter(manifest, url);
    };
    await change(2000); // What the first change opens for good.
    const before = await openDescriptors(provider.pid);
    for (let i = 0; i < CHANGES; i++) await change(3000 + i);
    const after = await openDescriptors(provider.pid);
    // A look at the disk, or the connection of this test, may be under way.
    assert.ok(
      after.length <= before.length + 3,
      `${before.length} before, ${after.length} after: ${after.join(", ")}`,
    );
  },
});
