import assert from "node:assert/strict";
import type { FileInfo } from "../../lib/core/file_system.ts";
import {
  CLOSED_QUIET_MS,
  type Observation,
  observe,
  onceWhole,
  QUIET_MS,
  REOPENED_QUIET_MS,
  settledAtMs,
  type WriterState,
  WRITING_QUIET_MS,
} from "../../lib/scan/settling.ts";

/** The wall clock when the monotonic one shows 0. */
const START_MS = Date.parse("2026-11-22T12:00:00Z");

/** What a file looks like at a moment, `atMs` after the start. */
interface Sight {
  readonly atMs: number;
  readonly sizeBytes: number;
  /** After the start; negative: before. */
  readonly modifiedAtMs: number;
  readonly changedAtMs?: number;
  readonly writer?: WriterState;
  readonly inode?: number;
  readonly linkCount?: number;
}

function see(previous: Observation | undefined, sight: Sight): Observation {
  const { modifiedAtMs, changedAtMs = modifiedAtMs } = sight;
  const info: FileInfo = {
    kind: "file",
    sizeBytes: sight.sizeBytes,
    modifiedMs: START_MS + modifiedAtMs,
    changedMs: START_MS + changedAtMs,
    device: 1,
    inode: sight.inode ?? 1,
    linkCount: sight.linkCount ?? 1,
    mode: 0o644,
  };
  return observe(previous, info, sight.writer, {
    nowMs: START_MS + sight.atMs,
    monotonicMs: sight.atMs,
  });
}

/** When a file settles that was seen so. */
function settles(...sights: Sight[]): number {
  let seen: Observation | undefined;
  for (const sight of sights) seen = see(seen, sight);
  assert.ok(seen !== undefined);
  return settledAtMs(seen);
}

Deno.test("settledAtMs() takes a file at once that lay there long before", () => {
  assert.ok(settles({ atMs: 0, sizeBytes: 5, modifiedAtMs: -60_000 }) <= 0);
});

Deno.test("settledAtMs() waits for the rest of the quiet time of a young file", () => {
  const sight = { atMs: 500, sizeBytes: 5, modifiedAtMs: 0 };
  assert.equal(settles(sight), QUIET_MS);
});

Deno.test("settledAtMs() waits for a file that was renamed, linked or touched just now, for its change time to be past", () => {
  const sight = {
    atMs: 100,
    sizeBytes: 5,
    modifiedAtMs: -60_000,
    changedAtMs: 50,
  };
  assert.equal(settles(sight), 50 + CLOSED_QUIET_MS);
});

Deno.test("settledAtMs() measures a file from the future by waiting", () => {
  const sight = { atMs: 700, sizeBytes: 5, modifiedAtMs: 1e12 };
  assert.equal(settles(sight), 700 + QUIET_MS);
  const again = { ...sight, atMs: 5000 };
  assert.equal(settles(sight, again), 700 + QUIET_MS);
});

Deno.test("settledAtMs() gives a file that was seen growing a long pause", () => {
  const growing = [0, 1000, 2000].map((atMs) => ({
    atMs,
    sizeBytes: atMs + 1,
    modifiedAtMs: atMs,
  }));
  assert.equal(settles(...growing), 2000 + WRITING_QUIET_MS);
});

Deno.test("settledAtMs() does not believe the times of a file that was seen growing", () => {
  // The file server's clock is a minute slow.
  const growing = [0, 1000].map((atMs) => ({
    atMs,
    sizeBytes: atMs + 1,
    modifiedAtMs: atMs - 60_000,
  }));
  assert.equal(settles(...growing), 1000 + WRITING_QUIET_MS);
});

Deno.test("settledAtMs() waits while a writer has the file open, though it pauses after the first byte", () => {
  const sight: Sight = {
    atMs: 0,
    sizeBytes: 1,
    modifiedAtMs: 0,
    writer: "writing",
  };
  assert.equal(settles(sight, { ...sight, atMs: 11_000 }), WRITING_QUIET_MS);
});

Deno.test("settledAtMs() does not take a new name of a file for one that is being written", () => {
  const link: Sight = {
    atMs: 100,
    sizeBytes: 5,
    modifiedAtMs: 0,
    writer: "writing",
    linkCount: 2,
  };
  assert.equal(settles(link), CLOSED_QUIET_MS);
  const grown = { ...link, atMs: 1000, sizeBytes: 6, modifiedAtMs: 1000 };
  assert.equal(settles(link, grown), 1000 + WRITING_QUIET_MS);
});

Deno.test("settledAtMs() takes a copy soon after its writer has closed it", () => {
  const copy: Sight[] = [
    { atMs: 0, sizeBytes: 1, modifiedAtMs: 0, writer: "writing" },
    { atMs: 1000, sizeBytes: 2, modifiedAtMs: 990, writer: "writing" },
    { atMs: 2000, sizeBytes: 3, modifiedAtMs: 1900, writer: "closed" },
  ];
  assert.equal(settles(...copy), 2000 + CLOSED_QUIET_MS);
});

Deno.test("settledAtMs() waits longer for a file that goes on growing after it was closed", () => {
  const appended: Sight[] = [
    { atMs: 0, sizeBytes: 1, modifiedAtMs: 0, writer: "closed" },
    { atMs: 1000, sizeBytes: 2, modifiedAtMs: 990, writer: "closed" },
    { atMs: 2000, sizeBytes: 3, modifiedAtMs: 1990, writer: "closed" },
  ];
  assert.equal(settles(...appended.slice(0, 2)), 1000 + REOPENED_QUIET_MS);
  assert.equal(settles(...appended), 2000 + WRITING_QUIET_MS);
});

Deno.test("settledAtMs() waits as long for a file that is overwritten as for a new one, while it is not closed", () => {
  const whole = onceWhole(
    see(undefined, { atMs: 0, sizeBytes: 9, modifiedAtMs: -60_000 }),
  );
  const overwritten = { atMs: 1000, sizeBytes: 1, modifiedAtMs: 1000 };
  assert.equal(
    settledAtMs(see(whole, overwritten)),
    1000 + WRITING_QUIET_MS,
  );
  assert.equal(
    settledAtMs(see(whole, { ...overwritten, writer: "closed" })),
    1000 + REOPENED_QUIET_MS,
  );
});

Deno.test("settledAtMs() waits longer and longer for a file that is reopened and appended to", () => {
  const part = (n: number): Sight => ({
    atMs: n * 5000,
    sizeBytes: n,
    modifiedAtMs: n * 5000,
    writer: "closed",
  });
  // Of the first close nobody can know that it is not the last.
  const first = see(undefined, part(1));
  assert.equal(settledAtMs(first), 5000 + CLOSED_QUIET_MS);
  const second = see(onceWhole(first), part(2));
  assert.equal(settledAtMs(second), 10_000 + REOPENED_QUIET_MS);
  assert.equal(settledAtMs(see(second, part(3))), 15_000 + WRITING_QUIET_MS);
});

Deno.test("settledAtMs() takes a file that was replaced by rename for another one", () => {
  const growing = { atMs: 0, sizeBytes: 1, modifiedAtMs: 0 };
  const grown = { atMs: 1000, sizeBytes: 2, modifiedAtMs: 1000 };
  const other = { atMs: 2000, sizeBytes: 9, modifiedAtMs: -9000, inode: 2 };
  assert.ok(settles(growing, grown, other) <= 2000);
});

Deno.test("settledAtMs() waits again after the change time alone has moved", () => {
  const sight = { atMs: 0, sizeBytes: 5, modifiedAtMs: -60_000 };
  const touched = { ...sight, atMs: 1000, changedAtMs: 1000 };
  assert.equal(settles(sight, touched), 1000 + CLOSED_QUIET_MS);
});
