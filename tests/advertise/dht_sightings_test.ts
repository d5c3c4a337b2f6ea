import assert from "node:assert/strict";
import { DhtSightings } from "../../lib/advertise/dht_sightings.ts";

const ARM = { channel: "stable", arch: "arm64" };
const PC = { channel: "stable", arch: "x86_64" };
const FOUND = { kind: "found" } as const;
const ABSENT = { kind: "absent", askedCount: 3 } as const;
const UNANSWERED = { kind: "unanswered", failures: [] } as const;

/** Has what is due at a time looked for. */
function look(
  sightings: DhtSightings,
  nowMs: number,
  outcome: Parameters<DhtSightings["looked"]>[1],
): (boolean | undefined)[] {
  return sightings.tick(nowMs).map((order) =>
    sightings.looked(order, outcome, nowMs)
  );
}

Deno.test("an image is looked for when it was told, and every three minutes", () => {
  const sightings = new DhtSightings();
  assert.equal(sightings.nextDueMs(), Infinity);
  sightings.told(ARM, 100);
  assert.equal(sightings.nextDueMs(), 100);
  assert.ok(!sightings.isFound(ARM, 100));
  assert.deepEqual(look(sightings, 100, FOUND), [true]);
  assert.ok(sightings.isFound(ARM, 100));
  assert.equal(sightings.nextDueMs(), 180_100);
  assert.deepEqual(sightings.tick(180_099), []);
  sightings.told(ARM, 5000);
  assert.equal(sightings.nextDueMs(), 5000);
});

Deno.test("an image that is told while it is looked for is looked for again", () => {
  const sightings = new DhtSightings();
  sightings.told(ARM, 0);
  const [order] = sightings.tick(0);
  sightings.told(ARM, 10);
  assert.equal(sightings.nextDueMs(), Infinity, "one at a time");
  sightings.looked(order ?? assert.fail(), ABSENT, 20);
  assert.equal(sightings.nextDueMs(), 10);
});

Deno.test("what is missed twice in a row cannot be found, and is looked for after a minute", () => {
  const sightings = new DhtSightings();
  sightings.told(ARM, 0);
  assert.deepEqual(look(sightings, 0, FOUND), [true]);
  assert.deepEqual(look(sightings, 180_000, ABSENT), [undefined]);
  assert.ok(sightings.isFound(ARM, 180_000));
  assert.deepEqual(look(sightings, 181_000, ABSENT), [false]);
  assert.ok(!sightings.isFound(ARM, 181_000));
  assert.equal(sightings.nextDueMs(), 241_000);
  assert.deepEqual(look(sightings, 241_000, FOUND), [true]);
  assert.deepEqual(look(sightings, 421_000, ABSENT), [undefined]);
});

Deno.test("where nobody answers no image is found, and all are looked for", () => {
  const sightings = new DhtSightings();
  for (const image of [ARM, PC]) sightings.told(image, 0);
  assert.deepEqual(look(sightings, 0, FOUND), [true, true]);
  sightings.peerLost(1000);
  assert.deepEqual(look(sightings, 2000, UNANSWERED), [undefined]);
  assert.deepEqual(look(sightings, 3000, UNANSWERED), [false]);
  assert.ok(!sightings.isFound(ARM, 3000) && !sightings.isFound(PC, 3000));
  assert.deepEqual(look(sightings, 3500, FOUND), [true]);
  assert.ok(sightings.isFound(PC, 3500) && !sightings.isFound(ARM, 3500));
});

Deno.test("nodes that come and go cause a look-up in ten seconds", () => {
  const sightings = new DhtSightings();
  sightings.peerLost(0);
  sightings.told(ARM, 20_000);
  assert.deepEqual(look(sightings, 20_000, FOUND), [true]);
  let looks = 0;
  for (let nowMs = 20_000; nowMs < 60_000; nowMs += 100) {
    sightings.peerLost(nowMs);
    looks += look(sightings, nowMs, FOUND).length;
  }
  assert.equal(looks, 4);
});

Deno.test("a sighting holds for three intervals where look-ups do not end", () => {
  const sightings = new DhtSightings();
  sightings.told(ARM, 0);
  assert.deepEqual(look(sightings, 0, FOUND), [true]);
  assert.ok(sightings.isFound(ARM, 539_999));
  assert.ok(!sightings.isFound(ARM, 540_000));
});

Deno.test("images that were found together are looked for 20 a minute, however many they are", () => {
  for (const count of [100, 1000]) {
    const sightings = new DhtSightings();
    for (let i = 0; i < count; i++) {
      sightings.told({ channel: `c${i}`, arch: "arm64" }, 0);
    }
    const perMinute: number[] = [];
    for (let nowMs = 0; nowMs < 2 * 3600_000; nowMs += 1000) {
      const minute = Math.floor(nowMs / 60_000);
      const looked = look(sightings, nowMs, FOUND);
      // At first each as soon as it is told.
      if (nowMs >= 1800_000) {
        perMinute[minute - 30] = (perMinute[minute - 30] ?? 0) + looked.length;
      }
    }
    const most = Math.max(...perMinute);
    const mean = perMinute.reduce((a, b) => a + b) / perMinute.length;
    assert.ok(most <= 24 && mean > 18 && mean < 22, `${most}, ${mean}`);
  }
});

Deno.test("of thousands four are looked for at once", () => {
  const sightings = new DhtSightings();
  for (let i = 0; i < 1000; i++) {
    sightings.told({ channel: `c${i}`, arch: "arm64" }, 0);
  }
  const orders = sightings.tick(0);
  assert.equal(orders.length, 4);
  assert.equal(sightings.nextDueMs(), Infinity);
  assert.ok(orders[0]);
  sightings.looked(orders[0], FOUND, 0);
  assert.ok(sightings.isFound(orders[0].image, 3 * 2_999_999));
  assert.equal(sightings.tick(0).length, 1);
});

Deno.test("an image that is forgotten is neither due nor told of", () => {
  const sightings = new DhtSightings();
  sightings.told(ARM, 0);
  const [order] = sightings.tick(0);
  assert.ok(order);
  sightings.delete(ARM);
  sightings.delete(PC);
  assert.ok(order.signal.aborted);
  assert.equal(sightings.looked(order, FOUND, 10), undefined);
  assert.ok(!sightings.isFound(ARM, 10));
  assert.equal(sightings.nextDueMs(), Infinity);
});

Deno.test("a loss soon after a look-up for another one is looked into, too", () => {
  const sightings = new DhtSightings();
  sightings.told(ARM, 0);
  assert.deepEqual(look(sightings, 0, FOUND), [true]);
  sightings.peerLost(1000);
  assert.deepEqual(look(sightings, 2000, FOUND), [true]);
  sightings.peerLost(3000); // the last one, and nobody is left to lose
  assert.equal(sightings.nextDueMs(), 12_000);
  assert.deepEqual(look(sightings, 12_000, UNANSWERED), [undefined]);
  assert.deepEqual(look(sightings, 13_000, UNANSWERED), [false]);
});
