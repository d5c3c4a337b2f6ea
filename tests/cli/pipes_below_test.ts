import assert from "node:assert/strict";
import { join } from "node:path";
import { openPipesBelow } from "../../lib/cli/pipes_below.ts";
import { makeFifo } from "../support/fifo.ts";
import { temporaryDirectory } from "../support/programs.ts";

Deno.test({
  name:
    "openPipesBelow() sets free who waits for a FIFO, however deep it lies or is linked",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using directory = await temporaryDirectory();
    await using elsewhere = await temporaryDirectory();
    const root = directory.path;
    await Deno.mkdir(join(root, "a/b"), { recursive: true });
    const deep = join(root, "a/b/fifo");
    const linked = join(elsewhere.path, "fifo");
    await Promise.all([makeFifo(deep), makeFifo(linked)]);
    await Deno.symlink(elsewhere.path, join(root, "link"));
    // A circle must not be gone round for ever.
    await Deno.symlink(root, join(root, "a/again"));
    const waiting = [deep, linked].map((path) => Deno.open(path));
    using _pipes = await openPipesBelow([root]);
    for (const file of await Promise.all(waiting)) file.close();
  },
});

Deno.test("openPipesBelow() passes over what is not there, and leaves files alone", async () => {
  await using directory = await temporaryDirectory();
  const path = join(directory.path, "kernel");
  await Deno.writeTextFile(path, "kernel");
  using _pipes = await openPipesBelow([
    join(directory.path, "none"),
    directory.path,
  ]);
  assert.equal(await Deno.readTextFile(path), "kernel");
});
