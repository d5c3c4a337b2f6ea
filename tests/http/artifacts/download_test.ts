import assert from "node:assert/strict";
import { systemClock } from "../../../lib/core/clock.ts";
import { createHandler } from "../../../lib/http/create_handler.ts";
import type { TransferLimits } from "../../../lib/http/artifacts/transfers.ts";
import { openHttpServer } from "../../../lib/net/http1/server.ts";
import { silentProvider } from "../../support/http_fixture.ts";
import { MemoryCatalog, servedImage } from "../../support/memory_catalog.ts";
import { MemoryFileSystem } from "../../support/memory_file_system.ts";
import { MemoryLogger } from "../../support/memory_logger.ts";

/** Several chunks, and no round number of them. */
const SIZE_BYTES = 3 * 1024 * 1024 + 4711;

const CONTENT = new Uint8Array(SIZE_BYTES);
for (let i = 0; i < SIZE_BYTES; i++) CONTENT[i] = (i * 2654435761) >>> 24;

/** A server on a socket with one big kernel. */
async function openServer(
  limits: Partial<TransferLimits> = {},
): Promise<
  AsyncDisposable & { url: string; port: number; fileSystem: MemoryFileSystem }
> {
  const fileSystem = new MemoryFileSystem().file("/srv/vmlinuz", CONTENT);
  const image = await servedImage(
    fileSystem,
    { channel: "stable", arch: "arm64" },
    { kernel: "/srv/vmlinuz" },
  );
  const logger = new MemoryLogger();
  const server = openHttpServer({
    handler: createHandler({
      catalog: new MemoryCatalog([image]),
      fileSystem,
      clock: systemClock,
      logger,
      status: silentProvider,
      limits,
    }),
    hostname: "127.0.0.1",
    port: 0,
    clock: systemClock,
    logger,
    signal: new AbortController().signal,
  });
  return {
    url: `http://127.0.0.1:${server.port}/stable/arm64/kernel`,
    port: server.port,
    fileSystem,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

Deno.test("a download of several chunks is the file, and leaves it closed", async () => {
  await using server = await openServer();
  const response = await fetch(server.url);
  assert.deepEqual(await response.bytes(), CONTENT);
  assert.equal(server.fileSystem.openCount, 0);
});

Deno.test("200 random ranges over a socket, put together, are the file", async () => {
  await using server = await openServer();
  const edges = new Set([0, SIZE_BYTES]);
  while (edges.size < 201) edges.add(Math.floor(Math.random() * SIZE_BYTES));
  const sorted = [...edges].sort((a, b) => a - b);
  const whole = new Uint8Array(SIZE_BYTES);
  for (const [index, from] of sorted.slice(0, -1).entries()) {
    const to = (sorted[index + 1] ?? 0) - 1;
    const response = await fetch(server.url, {
      headers: { range: `bytes=${from}-${to}` },
    });
    assert.equal(response.status, 206);
    whole.set(await response.bytes(), from);
  }
  assert.deepEqual(whole, CONTENT);
});

Deno.test("a client that goes away in the middle leaves no open file", async () => {
  await using server = await openServer();
  for (let round = 0; round < 20; round++) {
    using client = await Deno.connect({
      hostname: "127.0.0.1",
      port: server.port,
    });
    await client.write(
      new TextEncoder().encode(
        "GET /stable/arm64/kernel HTTP/1.1\r\nHost: a\r\n\r\n",
      ),
    );
    await client.read(new Uint8Array(1 + round * 5000));
  }
  for (let i = 0; server.fileSystem.openCount > 0; i++) {
    assert.ok(i < 500, "a file is still open");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
});

Deno.test("a rate limit holds on a socket, and for ranges one after the other", async () => {
  await using server = await openServer({
    maxRateBytesPerSecond: 4 * SIZE_BYTES,
  });
  const started = performance.now();
  const half = Math.floor(SIZE_BYTES / 2);
  for (const range of [`bytes=0-${half}`, `bytes=${half}-`]) {
    const response = await fetch(server.url, { headers: { range } });
    await response.bytes();
  }
  const elapsedMs = performance.now() - started;
  assert.ok(elapsedMs > 240, `${elapsedMs} ms for a quarter of a second`);
  assert.ok(elapsedMs < 5000, `${elapsedMs} ms for a quarter of a second`);
});

Deno.test("a crowd beyond the limit is told to come back, none hangs", async () => {
  await using server = await openServer({ maxConnections: 5 });
  const statuses = await Promise.all(
    Array.from({ length: 40 }, async () => {
      const response = await fetch(server.url);
      await response.bytes();
      return response.status;
    }),
  );
  assert.ok(statuses.filter((status) => status === 200).length >= 5);
  assert.ok(statuses.every((status) => status === 200 || status === 503));
});

const curl = await new Deno.Command("curl", { args: ["--version"] }).output()
  .then(({ success }) => success, () => false);

Deno.test({
  name: `curl -C - resumes a download${curl ? "" : " (skipped: no curl here)"}`,
  ignore: !curl,
  async fn() {
    await using server = await openServer();
    const file = await Deno.makeTempFile();
    try {
      await Deno.writeFile(file, CONTENT.subarray(0, 1_000_000));
      const { code } = await new Deno.Command("curl", {
        args: ["--silent", "--fail", "-C", "-", "-o", file, server.url],
      }).output();
      assert.equal(code, 0);
      assert.deepEqual(await Deno.readFile(file), CONTENT);
    } finally {
      await Deno.remove(file);
    }
  },
});
