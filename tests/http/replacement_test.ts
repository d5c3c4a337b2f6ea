import assert from "node:assert/strict";
import { systemClock } from "../../lib/core/clock.ts";
import { createHttpApp } from "../../lib/http/app.ts";
import { openHttpServer } from "../../lib/http/server.ts";
import { disk } from "../../lib/scan/disk.ts";
import {
  MemoryCatalog,
  servedImage,
  sha256Hex,
} from "../support/memory_catalog.ts";
import { MemoryLogger } from "../support/memory_logger.ts";
import { silentProvider } from "./http_fixture.ts";

const IMAGE = { channel: "stable", arch: "arm64" };
const SIZE_BYTES = 1024 * 1024;
const REPLACEMENTS = 100;
const CLIENTS = 50;
/** Longer than the steps in which Linux counts the time of a change. */
const PAUSE_MS = 20;

function randomBytes(): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(SIZE_BYTES);
  for (let at = 0; at < SIZE_BYTES; at += 65536) {
    crypto.getRandomValues(bytes.subarray(at, at + 65536));
  }
  return bytes;
}

Deno.test("100 replacements during 50 downloads: what completes matches its ETag", async () => {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/vmlinuz`;
  const logger = new MemoryLogger();
  const catalog = new MemoryCatalog();
  const scan = async () =>
    catalog.set([await servedImage(disk, IMAGE, { kernel: path })]);
  await Deno.writeFile(path, randomBytes());
  await scan();
  const app = createHttpApp({
    catalog,
    fileSystem: disk,
    clock: systemClock,
    logger,
    status: silentProvider,
  });
  try {
    await using server = openHttpServer({
      app,
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
        const response = await fetch(url);
        if (response.status === 503) {
          await response.body?.cancel();
          await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
          count.refused++;
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
      }
    };
    const replacer = async () => {
      for (let round = 0; round < REPLACEMENTS; round++) {
        const bytes = randomBytes();
        if (round % 2 === 0) {
          await Deno.writeFile(`${path}.new`, bytes);
          await Deno.rename(`${path}.new`, path);
        } else {
          using file = await Deno.open(path, { write: true });
          for (let done = 0; done < SIZE_BYTES;) {
            done += await file.write(bytes.subarray(done, done + 131072));
          }
        }
        await scan();
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      }
      replacing = false;
    };
    await Promise.all([replacer(), ...Array.from({ length: CLIENTS }, client)]);

    assert.ok(count.completed > CLIENTS, JSON.stringify(count));
    assert.ok(count.broken > 0, "some download was overtaken");
    assert.match(logger.lines.join("\n"), /changed while it was sent/);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
