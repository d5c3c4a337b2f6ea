import assert from "node:assert/strict";
import { MirrorPlan } from "../../lib/mirror/mirror_plan.ts";

const EVERY_MS = 600_000;
const OLD = { version: "1", manifestVersion: 1 };
const NEW = { version: "2", manifestVersion: 2 };
const NOBODY = {
  ...{ providerCount: 0, hasNews: false },
  ...{ newest: undefined, problem: undefined },
};
const NEWS = { ...NOBODY, providerCount: 1, hasNews: true, newest: NEW };

/** The wall clock is a million ahead of the monotonic one. */
function at(monotonicMs: number) {
  return { monotonicMs, nowMs: monotonicMs + 1e6 };
}

/** @param random 0: every wait has its full length */
function plan(random = 0): MirrorPlan {
  return new MirrorPlan({
    image: { channel: "stable", arch: "arm64" },
    everyMs: EVERY_MS,
    random: () => random,
  });
}

Deno.test("a mirror asks at once, and then again within its interval", () => {
  for (const [random, dueAtMs] of [[0, 610_000], [1, 490_000]] as const) {
    const one = plan(random);
    one.has(OLD);
    assert.ok(one.dueAtMs <= 0);
    one.asking(at(10_000));
    assert.equal(one.dueAtMs, Infinity);
    one.asked({ ...NOBODY, providerCount: 1, newest: OLD }, at(19_000));
    // From when it has asked, not from when it had its answer.
    assert.equal(one.dueAtMs, dueAtMs);
    assert.equal(one.status(at(19_000)).nextAskMs, 1e6 + dueAtMs);
    assert.equal(one.status(at(19_000)).lastFoundMs, 1e6 + 19_000);
    assert.equal(one.status(at(19_000)).behindSinceMs, undefined);
  }
});

Deno.test("a mirror with nothing asks again soon, and ever later, up to its interval", () => {
  const one = plan();
  const waits: number[] = [];
  for (let i = 0; i < 10; i++) {
    one.asking(at(0));
    one.asked({ ...NOBODY, problem: "nobody answers" }, at(0));
    waits.push(one.dueAtMs);
  }
  assert.deepEqual(waits, [
    ...[5000, 10_000, 20_000, 40_000, 80_000, 160_000, 320_000],
    ...[EVERY_MS, EVERY_MS, EVERY_MS],
  ]);
  assert.equal(one.status(at(0)).problem, "nobody answers");
  assert.equal(one.status(at(0)).lastFoundMs, undefined);
});

Deno.test("an owner who is gone is no failure of a mirror that has the image", () => {
  const one = plan();
  one.has(OLD);
  one.asking(at(0));
  one.asked(NOBODY, at(0));
  assert.equal(one.dueAtMs, EVERY_MS);
});

Deno.test("a mirror is behind from when it knows of a newer release until it has that", () => {
  const one = plan();
  one.has(OLD);
  one.asking(at(0));
  one.asked(NEWS, at(1000));
  one.fetching(100);
  one.progress(40);
  const status = one.status(at(2000));
  assert.deepEqual(status, {
    image: { channel: "stable", arch: "arm64" },
    activity: "fetching",
    has: OLD,
    newest: NEW,
    behindSinceMs: 1e6 + 1000,
    lastFoundMs: 1e6 + 1000,
    nextAskMs: undefined,
    fetched: { doneBytes: 40, totalBytes: 100 },
    problem: undefined,
  });
  one.failed("the disk is full", at(3000));
  assert.equal(one.status(at(3000)).problem, "the disk is full");
  assert.equal(one.status(at(3000)).fetched, undefined);
  assert.equal(one.dueAtMs, 8000);

  one.asking(at(8000));
  one.asked(NEWS, at(9000));
  assert.equal(one.status(at(9000)).behindSinceMs, 1e6 + 1000);
  one.fetching(100);
  one.took(NEW, at(9500));
  assert.equal(one.status(at(9500)).behindSinceMs, undefined);
  assert.equal(one.status(at(9500)).problem, undefined);
  assert.equal(one.status(at(9500)).has, NEW);
  assert.equal(one.dueAtMs, 8000 + EVERY_MS);
});

Deno.test("failures to fetch are repeated ever later, though the release is found each time", () => {
  const one = plan();
  const waits: number[] = [];
  for (let i = 0; i < 4; i++) {
    one.asking(at(0));
    one.asked(NEWS, at(0));
    one.fetching(1);
    one.failed("no source is left", at(0));
    waits.push(one.dueAtMs);
  }
  assert.deepEqual(waits, [5000, 10_000, 20_000, 40_000]);
});

Deno.test("a release that was replaced while it was fetched is asked for again at once, but not over and over", () => {
  const one = plan();
  one.asking(at(0));
  one.failed("gone", { ...at(0), isReplaced: true });
  assert.equal(one.dueAtMs, 500);
  one.asking(at(500));
  one.failed("gone", { ...at(500), isReplaced: true });
  assert.equal(one.dueAtMs, 500 + 10_000);
});

Deno.test("a release whose keys were succeeded is not what a mirror is behind of", () => {
  const one = plan();
  one.has(OLD);
  one.asking(at(0));
  one.asked(NEWS, at(0));
  one.asking(at(1));
  one.asked(NOBODY, at(1));
  assert.equal(one.status(at(1)).newest, undefined);
  assert.equal(one.status(at(1)).behindSinceMs, undefined);
});

Deno.test("a mirror that is told to asks at once", () => {
  const one = plan();
  one.has(OLD);
  one.asking(at(0));
  one.asked(NOBODY, at(0));
  one.askNow();
  assert.ok(one.dueAtMs < 0);
  assert.equal(one.status(at(5)).nextAskMs, undefined);
});
