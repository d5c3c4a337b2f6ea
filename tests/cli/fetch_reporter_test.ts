import assert from "node:assert/strict";
import {
  FetchReporter,
  type FetchReporterOptions,
} from "../../lib/cli/fetch_reporter.ts";
import type { FetchEvent } from "../../lib/fetch/fetch_image.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { MemoryLogger } from "../support/memory_logger.ts";

const FILES = [{ path: "vmlinuz", sizeBytes: 1000 }];

function event(
  kind: Extract<FetchEvent, { path: string }>["kind"],
  bytes: number,
): FetchEvent {
  return { kind, path: "vmlinuz", bytes, sizeBytes: 1000 };
}

function open(options: Partial<FetchReporterOptions> = {}) {
  const clock = new FakeClock();
  const logger = new MemoryLogger();
  const reporter = new FetchReporter({
    image: { channel: "stable", arch: "arm64" },
    files: FILES,
    ...{ clock, logger, quiet: false },
    ...options,
  });
  return { clock, logger, reporter };
}

Deno.test("FetchReporter logs a line every five seconds", async () => {
  const { clock, logger, reporter } = open();
  reporter.receive(event("started", 0));
  await clock.advance(4000);
  reporter.receive(event("progress", 400));
  assert.deepEqual(logger.lines, []);
  await clock.advance(1000);
  reporter.receive(event("progress", 500));
  await clock.advance(5000);
  assert.deepEqual(logger.lines, [
    "INFO Fetching stable/arm64: 0 of 1 file, 40 % of 1.0 kB, 80 bytes/s, 8 s left",
    "INFO Fetching stable/arm64: 0 of 1 file, 50 % of 1.0 kB, 0 bytes/s",
  ]);
  reporter[Symbol.dispose]();
  assert.equal(clock.pending, 0);
});

Deno.test("FetchReporter shows bars on a terminal, and takes them away", async () => {
  const shown: string[] = [];
  const status = {
    columns: 70,
    show: (text: string) => shown.push(text),
    clear: () => shown.push(""),
  };
  const { clock, logger, reporter } = open({ status });
  reporter.receive(event("started", 0));
  reporter.receive(event("progress", 500));
  await clock.advance(400);
  reporter[Symbol.dispose]();
  assert.equal(shown.length, 3);
  assert.match(shown[1] ?? "", /^vmlinuz \[#+\.+\] 50 % of 1\.0 kB, /);
  assert.equal(shown[2], "");
  assert.deepEqual(logger.lines, []);
});

Deno.test("FetchReporter says nothing of progress to those who want none, and all the same of sources", async () => {
  const { clock, logger, reporter } = open({ quiet: true });
  reporter.receive(event("started", 0));
  await clock.advance(60_000);
  const waits = { kind: "source-waits", source: "a:8080" } as const;
  reporter.receive({ ...waits, reason: "answered 503", delayMs: 2000 });
  // Once, however often.
  reporter.receive({ ...waits, reason: "answered 503", delayMs: 4000 });
  reporter.receive({ ...waits, reason: "reset", delayMs: 250 });
  reporter.receive({
    ...{ kind: "source-failed", source: "a:8080", reason: "answered 404" },
  });
  assert.deepEqual(logger.lines, [
    "INFO Asking a:8080 again in 2 s: answered 503",
    "INFO Asking a:8080 again in 0.3 s: reset",
    "WARN Giving up on a:8080: answered 404",
  ]);
});

Deno.test("FetchReporter gives programs events, those of progress once a second", async () => {
  const events: unknown[] = [];
  const { clock, logger, reporter } = open({
    // Theirs is another matter.
    quiet: true,
    logEvent: (level, message, members) =>
      events.push({ level, message, ...members }),
  });
  reporter.receive(event("started", 0));
  reporter.receive(event("progress", 100));
  reporter.receive(event("progress", 200));
  await clock.advance(1000);
  // Nothing new is nothing to be told.
  await clock.advance(1000);
  reporter.receive(event("progress", 300));
  reporter.receive(event("verified", 1000));
  reporter.receive({ kind: "source-failed", source: "a", reason: "gone" });
  await clock.advance(5000);
  const of = (kind: string, bytes: number) => ({
    ...{ level: "info", path: "vmlinuz", size: 1000, event: kind, bytes },
    message: `vmlinuz: ${kind}, ${bytes} of 1000 bytes`,
  });
  assert.deepEqual(events, [
    of("started", 0),
    of("progress", 200),
    of("verified", 1000),
    {
      level: "warn",
      message: "Giving up on a: gone",
      ...{ event: "source_failed", source: "a", reason: "gone" },
    },
  ]);
  assert.deepEqual(logger.lines, []);
  reporter[Symbol.dispose]();
  assert.equal(clock.pending, 0);
});
