/** Files that pause while they are written: no half of one is ever promised. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { makeFiles } from "../support/image_tree.ts";
import { start, temporaryDirectory } from "../support/programs.ts";

const SIZE = 64_000;
const HALF = new Uint8Array(SIZE / 2).fill(1);
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** How each writes a kernel that was there before, in two halves. */
const WRITERS: Readonly<Record<string, (path: string) => Promise<void>>> = {
  async overwritten(path) {
    using file = await Deno.open(path, { write: true, truncate: true });
    await file.write(HALF);
    // Longer than a change was given before, not as long as it is now.
    await pause(14_000);
    await file.write(HALF);
  },
  async appended(path) {
    await Deno.writeFile(path, HALF);
    await pause(5000);
    await Deno.writeFile(path, HALF, { append: true });
  },
};

Deno.test("a file that is overwritten or reopened with a pause is never offered in half", async () => {
  await using directory = await temporaryDirectory();
  const { path } = directory;
  const kernel = (channel: string) =>
    join(path, "artifacts", channel, "arm64/vmlinuz");
  const channels = Object.keys(WRITERS);
  for (const channel of channels) {
    await makeFiles(path, { [`artifacts/${channel}/arm64/vmlinuz`]: 1000 });
  }
  await using provider = start("plasmd", [
    ...["serve", "--artifacts", join(path, "artifacts"), "--arch", "arm64"],
    ...channels.flatMap((channel) => ["--channel", channel]),
    ...["--interface", "lo", "--port", "0", "--no-dht", "--no-mdns"],
    ...["--state-dir", join(path, "state")],
  ]);
  const [, url] = await provider.line(/Serving on (\S+)/);
  for (const channel of channels) {
    await provider.line(new RegExp(`Serving ${channel}/arm64`));
  }
  await Promise.all(
    Object.entries(WRITERS).map(async ([channel, write]) => {
      const writing = write(kernel(channel));
      const seen = new Set<number>();
      const endMs = performance.now() + 60_000;
      while (!seen.has(SIZE) && performance.now() < endMs) {
        const answer = await fetch(`${url}/${channel}/arm64/manifest.json`);
        const { artifacts } = await answer.json();
        if (answer.ok) seen.add(artifacts.kernel.size);
        await pause(100);
      }
      await writing;
      seen.delete(1000); // the one before
      assert.deepEqual([...seen], [SIZE], channel);
    }),
  );
});
