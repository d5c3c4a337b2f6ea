import assert from "node:assert/strict";
import { newPublication } from "../../lib/advertise/dht_publication.ts";
import {
  progressOf,
  RefreshLag,
  RoundTally,
} from "../../lib/advertise/publishing_progress.ts";

const at = (monotonicMs: number) => ({ monotonicMs, wallMs: monotonicMs });

Deno.test("progressOf() counts what is due or running, and how long the first of it waits", () => {
  const image = { channel: "stable", arch: "arm64" };
  const one = newPublication({ image, version: "1" }, at(0));
  const publications = [
    { ...one, dueMs: 5000, toldAt: 20 },
    { ...one, dueMs: 900, toldAt: 18 },
    { ...one, isRunning: true, dueMs: Infinity, lastDueMs: 400 },
    { ...one, dueMs: 0, problem: "nobody", toldAt: 2 },
  ];
  assert.deepEqual(progressOf(publications, undefined, 1000), {
    ...{ waiting: 3, lagMs: 600, meanHolders: 10 },
  });
  assert.deepEqual(progressOf([], undefined, 1000), {
    ...{ waiting: 0, lagMs: 0, meanHolders: 0 },
  });
});

Deno.test("RoundTally has the round before this one", () => {
  const tally = new RoundTally();
  tally.ended(0, true, at(1000));
  tally.ended(0, false, at(2000));
  assert.equal(tally.last, undefined);
  tally.ended(1, true, at(9000));
  assert.deepEqual(tally.last, { beganMs: 1000, told: 1, failed: 1 });
  tally.ended(3, true, at(20_000));
  assert.deepEqual(tally.last, { beganMs: 9000, told: 1, failed: 0 });
});

Deno.test("RefreshLag tells of images that are late, once an hour", () => {
  const lag = new RefreshLag({ refreshSeconds: 10, ttlSeconds: 20 });
  assert.equal(lag.look([0, 10_000], 0), undefined);
  assert.match(
    lag.look([0, 10_001], 5000) ?? "",
    /^Publishing in the DHT falls behind: 1 of 2 /,
  );
  assert.equal(lag.look([0, 11_000], 10_000), undefined);
  assert.equal(lag.look([0, 0], 15_000), undefined);
  assert.equal(lag.look([12_000, 11_000], 20_000), undefined);
  assert.match(
    lag.look([12_000, 11_000], 3605_000) ?? "",
    /2 of 2 .* one 12 s/,
  );
});
