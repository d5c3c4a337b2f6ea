import assert from "node:assert/strict";
import { join } from "node:path";
import { disk } from "../../lib/cli/disk.ts";
import type { DirectoryWatch } from "../../lib/core/file_system.ts";
import { makeFifo } from "../support/fifo.ts";

Deno.test("disk.watch() tells when a writer opens a file and when it closes it, and nothing of readers", async () => {
  const root = await Deno.makeTempDir();
  try {
    const path = join(root, "kernel");
    const kinds: string[] = [];
    const closed = Promise.withResolvers<void>();
    using watch = disk.watch(root, {
      onEvent({ kind, paths }) {
        assert.deepEqual(paths, [path]);
        kinds.push(kind);
        if (kind === "closed") closed.resolve();
      },
      onEnd: assert.fail,
    });
    await watch.hears();
    await Deno.writeTextFile(path, "x");
    await Deno.readTextFile(path);
    await closed.promise;
    assert.deepEqual([...new Set(kinds)], ["created", "modified", "closed"]);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

/** Whether it settles in time; a watcher that is held up never does. */
async function isHeard(watch: DirectoryWatch): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), 1000);
  });
  const isHeard = await Promise.race([watch.hears().then(() => true), late]);
  clearTimeout(timer);
  return isHeard;
}

Deno.test({
  name:
    "disk.watch() that a FIFO has held up is let go, and hears again when it is begun anew",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const root = await Deno.makeTempDir();
    try {
      await Deno.mkdir(join(root, "a/b"), { recursive: true });
      const quiet = { onEvent() {}, onEnd: assert.fail };
      {
        using watch = disk.watch(root, quiet);
        await watch.hears();
        await makeFifo(join(root, "a/b/fifo"));
        let heard = true;
        // The event may take a moment to be opened.
        for (let i = 0; heard && i < 20; i++) heard = await isHeard(watch);
        assert.equal(heard, false, "a FIFO holds up no watcher any more");
      }
      const path = join(root, "a/kernel");
      const found = Promise.withResolvers<void>();
      using again = disk.watch(root, {
        ...quiet,
        onEvent({ paths }) {
          if (paths.includes(path)) found.resolve();
        },
      });
      await again.hears();
      await Deno.writeTextFile(path, "x");
      await found.promise;
      assert.ok(await isHeard(again));
      const held = (await Promise.all(
        (await Array.fromAsync(Deno.readDir("/proc/self/task"))).map(
          ({ name }) =>
            Deno.readTextFile(`/proc/self/task/${name}/wchan`).catch(() => ""),
        ),
      )).filter((where) => where === "wait_for_partner");
      assert.equal(held.length, 0, "a thread still waits for the FIFO");
    } finally {
      await Deno.remove(root, { recursive: true });
    }
  },
});
