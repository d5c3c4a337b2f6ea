import assert from "node:assert/strict";
import {
  at,
  openMany,
  openPublications,
  told,
  WALL_MS,
} from "../support/publications.ts";

const ARM = { channel: "stable", arch: "arm64" };

Deno.test("refreshes of many images are spread over the interval, each is within it, and all of a slot are due together", () => {
  const publications = openMany(1000);
  const times: number[] = [];
  const last = new Map<string, number>();
  let nowMs = 0;
  while (nowMs < 3 * 1800_000) {
    nowMs = publications.nextDueMs();
    const orders = publications.tick(at(nowMs));
    if (orders.length > 0) times.push(nowMs);
    for (const order of orders) {
      const beforeMs = last.get(order.image.channel) ?? 0;
      assert.ok(nowMs - beforeMs <= 1800_000, `${nowMs - beforeMs} ms`);
      last.set(order.image.channel, nowMs);
      publications.ended(order, told(20), at(nowMs + 2000));
    }
  }
  assert.equal(last.size, 1000);
  // At first they came one after the other, and were spread as fewer.
  const later = times.filter((ms) => ms > 1665_000).length;
  const perRound = later / (nowMs / 1665_000 - 1);
  assert.ok(perRound > 14 && perRound < 18, `${perRound} times a round`);
});

Deno.test("what was told before a restart is left until it is due, unless its version or its address has changed", () => {
  const before = openPublications();
  const order = before.set({ image: ARM, version: "7" }, at(0));
  assert.deepEqual(before.told(at(0)), [], "nobody was told yet");
  before.ended(order, told(20), at(10));
  const toldBefore = before.told(at(20));
  assert.deepEqual(toldBefore, [{
    ...{ image: ARM, version: "7", url: "http://192.0.2.7/stable/arm64" },
    ...{ toldMs: WALL_MS, storedAt: 20, toldAt: 20 },
  }]);
  const resumed = (
    { version = "7", host = "192.0.2.7", afterMs = 60_000, setByMs = 0 },
  ) => {
    const publications = openPublications({ host: () => host, toldBefore });
    const now = at(5, afterMs + setByMs);
    return {
      publications,
      now,
      order: publications.set({ image: ARM, version }, now),
    };
  };
  const { publications, now, order: again } = resumed({});
  assert.ok(again.isTold && again.lastUpdatedMs > order.lastUpdatedMs);
  assert.deepEqual(publications.tick(now), []);
  const [status] = publications.status(now);
  assert.equal(status?.nextRefreshMs, WALL_MS + 1665_000);
  assert.equal(status?.storedAt, 20);
  assert.equal(status?.lastPublishedMs, WALL_MS);
  assert.ok(!resumed({ version: "8" }).order.isTold);
  assert.ok(!resumed({ host: "192.0.2.8" }).order.isTold);
  assert.ok(!resumed({ afterMs: 1665_000 }).order.isTold, "it is due");
  assert.ok(!resumed({ setByMs: -86_400_000 }).order.isTold, "of the future");
});

Deno.test("an operator is told once when refreshes come later than the interval", () => {
  const publications = openMany(3);
  assert.equal(publications.fellBehind(at(1800_000)), undefined);
  const orders = publications.tick(at(1805_001));
  assert.equal(
    publications.fellBehind(at(1805_001)),
    "Publishing in the DHT falls behind: 3 of 3 images were last published more than refresh_interval, 1800 s, ago, one 1805 s: others forget a record after 3600 s; raise refresh_interval and record_ttl, or offer fewer images here",
  );
  assert.deepEqual(publications.progress(at(1805_001)), {
    waiting: 3,
    lagMs: 140_001,
    meanHolders: 20,
  });
  assert.equal(publications.fellBehind(at(1810_002)), undefined, "once");
  for (const order of orders) publications.ended(order, told(10), at(1811_000));
  assert.equal(publications.fellBehind(at(1816_000)), undefined);
  assert.deepEqual(publications.progress(at(1816_000)), {
    waiting: 0,
    lagMs: 0,
    meanHolders: 10,
    lastRound: { beganMs: WALL_MS, told: 3, failed: 0 },
  });
});
