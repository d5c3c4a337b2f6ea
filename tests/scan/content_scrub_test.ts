import assert from "node:assert/strict";
import {
  ContentScrub,
  type ScrubProgress,
} from "../../lib/scan/content_scrub.ts";
import type { HashedArtifact } from "../../lib/scan/image_files.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { hashedArtifact } from "../support/memory_catalog.ts";
import { MemoryFileSystem } from "../support/memory_file_system.ts";
import { MemoryLogger } from "../support/memory_logger.ts";

const TIME = "2026-11-22T10:00:00Z";
const LATER = "2026-11-22T10:00:01Z";
const SMALL_BYTES = 1000;
const LARGE_BYTES = 20 << 20;
const START_MS = 60_000;

class Bench implements AsyncDisposable {
  readonly fs = new MemoryFileSystem()
    .file("/srv/small", "a".repeat(SMALL_BYTES))
    .file("/srv/large", new Uint8Array(LARGE_BYTES));
  readonly clock = new FakeClock("2026-11-22T12:00:00Z");
  readonly logger = new MemoryLogger();
  readonly differing: string[] = [];
  artifacts: HashedArtifact[] = [];
  readonly #scrub = new ContentScrub({
    fileSystem: this.fs,
    clock: this.clock,
    logger: this.logger,
    artifacts: () => this.artifacts,
    onDiffering: ({ path }) => {
      this.differing.push(path);
      return Promise.resolve();
    },
  });
  readonly #ending = new AbortController();
  #running = Promise.resolve();

  get progress(): ScrubProgress {
    return this.#scrub.progress;
  }

  async start(): Promise<void> {
    for (const path of ["/srv/small", "/srv/large"]) {
      this.artifacts.push(await hashedArtifact(this.fs, path));
    }
    this.fs.readBytes = 0;
    this.#running = this.#scrub.run({ signal: this.#ending.signal });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    await this.#running;
  }
}

Deno.test("ContentScrub reads everything again, slowly and once a day, with nothing left open", async () => {
  await using bench = new Bench();
  const { fs, clock } = bench;
  await bench.start();
  await clock.advance(START_MS - 1);
  assert.equal(fs.readBytes, 0, "a start has other things to do");
  await clock.advance(1001);
  assert.equal(fs.openCount, 0);
  const { doneBytes, totalBytes, lastEndedMs } = bench.progress;
  assert.equal(totalBytes, SMALL_BYTES + LARGE_BYTES);
  assert.equal(lastEndedMs, undefined);
  assert.ok(doneBytes > SMALL_BYTES && doneBytes < 10 << 20, `${doneBytes}`);
  await clock.advance(2000);
  assert.equal(bench.progress.doneBytes, totalBytes);
  const endedMs = bench.progress.lastEndedMs ?? 0;
  assert.ok(Math.abs(clock.now() - endedMs) < 2000);
  assert.equal(fs.readBytes, totalBytes);
  await clock.advance(23 * 3600_000);
  assert.equal(fs.readBytes, totalBytes);
  await clock.advance(3600_000);
  assert.equal(fs.readBytes, 2 * totalBytes);
  assert.ok((bench.progress.lastEndedMs ?? 0) > endedMs);
  assert.deepEqual([bench.differing, bench.logger.lines], [[], []]);
});

Deno.test("ContentScrub names what differs under the same times, and reads on", async () => {
  await using bench = new Bench();
  const { fs, clock, logger } = bench;
  await bench.start();
  fs.overwrite("/srv/small", "b".repeat(SMALL_BYTES), TIME, LATER);
  await clock.advance(START_MS + 5000);
  assert.deepEqual(bench.differing, ["/srv/small"]);
  assert.equal(bench.progress.differingCount, 1);
  assert.ok(bench.progress.lastEndedMs);
  assert.equal(logger.lines.length, 1);
  assert.match(
    logger.lines[0] ?? "",
    /^WARN "\/srv\/small" has other content/,
  );
});

Deno.test("ContentScrub leaves to the scan what was changed, and says what it cannot read", async () => {
  await using bench = new Bench();
  const { fs, clock, logger } = bench;
  await bench.start();
  fs.overwrite("/srv/small", "b".repeat(SMALL_BYTES), "2026-11-22T11:00:00Z");
  fs.remove("/srv/large");
  fs.file("/srv/secret", "secret");
  bench.artifacts.push(await hashedArtifact(fs, "/srv/secret"));
  fs.setReadable("/srv/secret", false);
  await clock.advance(START_MS + 5000);
  assert.deepEqual(bench.differing, []);
  assert.equal(logger.lines.length, 1);
  assert.match(
    logger.lines[0] ?? "",
    /^WARN Cannot read "\/srv\/secret" again/,
  );
});
