import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { start, temporaryDirectory } from "../support/programs.ts";

/** A mount is noticed after five seconds, and files settle in two. */
const SEEN_MS = 15_000;

async function inNamespace(command: string[]): Promise<boolean> {
  const [head = "", ...args] = command;
  try {
    return (await new Deno.Command(head, { args }).output()).success;
  } catch {
    return false;
  }
}

const canMount = await inNamespace(
  ["unshare", "-m", "mount", "-t", "tmpfs", "none", "/tmp"],
);
const why = canMount ? "" : " (skipped: only root can mount a tmpfs)";

for (const below of ["stable/x86_64", "stable", "."]) {
  Deno.test({
    name:
      `plasmd serve notices a mount over ${below}, what changes on it, and its end${why}`,
    ignore: !canMount,
    async fn() {
      await using directory = await temporaryDirectory();
      const root = join(directory.path, "artifacts");
      const place = join(root, below);
      const image = join(root, "stable/x86_64");
      await Deno.mkdir(image, { recursive: true });
      await Deno.writeTextFile(join(image, "vmlinuz"), "below");
      await using provider = start("plasmd", [
        ...["serve", "--artifacts", root, "--interface", "lo", "--port", "0"],
        ...["--no-dht", "--no-mdns", "--state-dir", `${directory.path}/state`],
      ], { prefix: ["unshare", "-m"] });
      const [, base = ""] = await provider.line(/Serving on (http:\S+)/);
      const inside = async (script: string) =>
        assert.ok(
          await inNamespace([
            ...["nsenter", "-m", "-t", String(provider.pid)],
            ...["sh", "-c", `set -e; ${script}`],
          ]),
          script,
        );
      const isServed = async (kernel: string) => {
        const hex = createHash("sha256").update(kernel).digest("hex");
        const endMs = performance.now() + SEEN_MS;
        while (performance.now() < endMs) {
          const answer = await fetch(`${base}/stable/x86_64/manifest.json`);
          if ((await answer.text()).includes(hex)) return;
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
        assert.fail(
          `"${kernel}" is not served:\n${provider.lines().join("\n")}`,
        );
      };
      await isServed("below");
      await inside(
        `mount -t tmpfs none ${place}; mkdir -p ${image}; printf above > ${image}/vmlinuz`,
      );
      await isServed("above");
      // By an event: nobody would look again for half a minute.
      const startMs = performance.now();
      await inside(
        `printf next > ${place}/.next; mv ${place}/.next ${image}/vmlinuz`,
      );
      await isServed("next");
      assert.ok(performance.now() - startMs < 15_000, "seen by an event");
      await inside(`umount ${place}`);
      await isServed("below");
    },
  });
}
