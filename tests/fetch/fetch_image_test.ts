import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { fetchDisk } from "../../lib/cli/fetch_disk.ts";
import { systemClock } from "../../lib/core/clock.ts";
import { fetchImage } from "../../lib/fetch/fetch_image.ts";
import { httpGet } from "../../lib/net/http1/get.ts";

const { signal } = new AbortController();

Deno.test("fetchImage() puts files and extras into place together", async () => {
  const root = await Deno.makeTempDir();
  const content = new TextEncoder().encode("kernel");
  const sha256 = createHash("sha256").update(content).digest("hex");
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    ({ url }) =>
      new URL(url).pathname === `/blobs/sha256/${sha256}`
        ? new Response(content)
        : new Response("none", { status: 404 }),
  );
  try {
    const directory = join(root, "stable", "arm64");
    const manifestUrl = new URL(
      `http://127.0.0.1:${server.addr.port}/stable/arm64/manifest.json`,
    );
    const fetched = await fetchImage({
      files: [{ path: "a/vmlinuz", sha256, sizeBytes: content.length }],
      extras: [{ name: "both", joined: ["a/vmlinuz", "a/vmlinuz"] }],
      sources: [{ manifestUrl, name: "test" }],
      directory,
      disk: fetchDisk,
      clock: systemClock,
      httpGet,
    }, { signal });
    assert.deepEqual(fetched, {
      ok: true,
      value: { isChanged: true, receivedBytes: 6 },
    });
    assert.equal(
      await Deno.readTextFile(join(directory, "a/vmlinuz")),
      "kernel",
    );
    assert.equal(
      await Deno.readTextFile(join(directory, "both")),
      "kernel\0\0kernel",
    );
    const left = await fetchDisk.list(join(root, "stable"));
    assert.deepEqual(left.map(({ name }) => name), ["arm64"]);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
