import assert from "node:assert/strict";
import { disk } from "../../../lib/cli/disk.ts";
import { systemClock } from "../../../lib/core/clock.ts";
import { createHandler } from "../../../lib/http/create_handler.ts";
import { openHttpServer } from "../../../lib/net/http1/server.ts";
import { request, silentProvider } from "../../support/http_fixture.ts";
import {
  MemoryCatalog,
  servedImage,
  sha256Hex,
} from "../../support/memory_catalog.ts";
import { MemoryLogger } from "../../support/memory_logger.ts";

const IMAGE = { channel: "stable", arch: "arm64" };
const SIZE_BYTES = 1024 * 1024;
const REPLACEMENTS = 100;
const CLIENTS = 50;
/** Longer than the steps in which Linux counts the time of a change. */
const PAUSE_MS = 20;

function randomBytes(sizeBytes = SIZE_BYTES): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(sizeBytes);
  for (let at = 0; at < sizeBytes; at += 65536) {
    crypto.getRandomValues(bytes.subarray(at, at + 65536));
  }
  return bytes;
}

/** Ways to put another content in the place of a file, used in turn. */
const REPLACE: readonly ((path: string) => Promise<void>)[] = [
  (path) => renameOver(path, SIZE_BYTES),
  (path) => overwrite(path, SIZE_BYTES),
  (path) => renameOver(path, SIZE_BYTES / 2 + 4711),
  (path) => overwrite(path, SIZE_BYTES * 2),
  (path) => overwrite(path, SIZE_BYTES / 3 | 0),
  async (path) => {
    await Deno.remove(path);
    await Deno.writeFile(path, randomBytes());
  },
];

async function renameOver(path: string, sizeBytes: number): Promise<void> {
  await Deno.writeFile(`${path}.new`, randomBytes(sizeBytes));
  await Deno.rename(`${path}.new`, path);
}

/** In place and piece by piece, and only then to its new length. */
async function overwrite(path: string, sizeBytes: number): Promise<void> {
  const bytes = randomBytes(sizeBytes);
  using file = await Deno.open(path, { write: true });
  for (let done = 0; done < sizeBytes;) {
    done += await file.write(bytes.subarray(done, done + 131072));
  }
  await file.truncate(sizeBytes);
}

for (
  const [what, replace, completes] of [
    ["overwritten in place, with its time put back", async (path: string) => {
      const { mtime, atime } = await Deno.stat(path);
      await overwrite(path, SIZE_BYTES);
      await Deno.utime(path, atime ?? 0, mtime ?? 0);
    }, false],
    ["renamed over", (path: string) => renameOver(path, SIZE_BYTES), true],
    ["removed", (path: string) => Deno.remove(path), true],
    ["linked to", (path: string) => Deno.link(path, `${path}.link`), true],
  ] as const
) {
  Deno.test(
    `a file that is ${what} during a download ${
      completes ? "is sent to its end" : "breaks it"
    }`,
    async () => {
      const directory = await Deno.makeTempDir();
      const path = `${directory}/vmlinuz`;
      try {
        await Deno.writeFile(path, randomBytes());
        // As after a scan: whole seconds are all that a time of change has.
        await new Promise((resolve) => setTimeout(resolve, 1100));
        const image = await servedImage(disk, IMAGE, { kernel: path });
        const handler = createHandler({
          catalog: new MemoryCatalog([image]),
          fileSystem: disk,
          clock: systemClock,
          logger: new MemoryLogger(),
          status: silentProvider,
          // Two seconds, of which the last bytes are read after one.
          limits: { maxRateBytesPerSecond: SIZE_BYTES / 2 },
        });
        const { promise: completed, resolve } = Promise.withResolvers<void>();
        const response = await request(
          { handler },
          "/stable/arm64/kernel",
          {},
          completed,
        );
        const body = response.bytes();
        await new Promise((resolve) => setTimeout(resolve, 300));
        await replace(path);
        if (completes) {
          const etag = `"${await sha256Hex(await body)}"`;
          assert.equal(etag, response.headers.get("etag"));
        } else await assert.rejects(body, /changed while it was sent/);
        resolve();
        await completed;
      } finally {
        await Deno.remove(directory, { recursive: true });
      }
    },
  );
}

Deno.test("100 replacements during 50 downloads: what completes matches its ETag", async () => {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/vmlinuz`;
  const logger = new MemoryLogger();
  const catalog = new MemoryCatalog();
  let scanned = Promise.withResolvers<void>();
  const scan = async () => {
    catalog.set([await servedImage(disk, IMAGE, { kernel: path })]);
    scanned.resolve();
    scanned = Promise.withResolvers<void>();
  };
  await Deno.writeFile(path, randomBytes());
  await scan();
  const handler = createHandler({
    catalog,
    fileSystem: disk,
    keepOpenMs: 1000,
    clock: systemClock,
    logger,
    status: silentProvider,
    // A download takes an eighth of a second: some are overtaken for sure.
    limits: { maxRateBytesPerSecond: 8 * SIZE_BYTES },
  });
  try {
    await using server = openHttpServer({
      handler,
      hostname: "127.0.0.1",
      port: 0,
      clock: systemClock,
      logger,
      signal: new AbortController().signal,
    });
    const url = `http://127.0.0.1:${server.port}/stable/arm64/kernel`;
    const count = { completed: 0, broken: 0, refused: 0 };
    let replacing = true;

    const client = async () => {
      while (replacing) {
        // Once for each look at the disk: fifty that ask again and again leave
        // the replacements nothing of a busy processor.
        const nextScan = scanned.promise;
        const response = await fetch(url);
        if (response.status === 503) {
          await response.body?.cancel();
          count.refused++;
          await nextScan;
          continue;
        }
        assert.equal(response.status, 200);
        const body = await response.bytes().catch(() => undefined);
        if (body === undefined) {
          count.broken++;
          continue;
        }
        const etag = `"${await sha256Hex(body)}"`;
        assert.equal(etag, response.headers.get("etag"));
        count.completed++;
        await nextScan;
      }
    };
    const replacer = async () => {
      for (let round = 0; round < REPLACEMENTS; round++) {
        await REPLACE[round % REPLACE.length]?.(path);
        await scan();
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      }
      replacing = false;
      scanned.resolve();
    };
    await Promise.all([replacer(), ...Array.from({ length: CLIENTS }, client)]);

    assert.ok(count.completed > CLIENTS, JSON.stringify(count));
    assert.ok(count.broken > 0, "some download was overtaken");
    assert.match(logger.lines.join("\n"), /changed while it was sent/);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
