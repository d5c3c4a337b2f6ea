import assert from "node:assert/strict";
import { DhtPublications } from "../../lib/advertise/dht_publications.ts";
import { ok, refuse } from "../../lib/core/result.ts";
import {
  at,
  openMany,
  openPublications,
  told,
  WALL_MS,
} from "../support/publications.ts";

const ARM = { channel: "stable", arch: "arm64" };
const PC = { channel: "stable", arch: "x86_64" };

Deno.test("set() orders the record to be published at once", () => {
  const publications = openPublications();
  const { signal, ...order } = publications.set(
    { image: ARM, version: "7" },
    at(5),
  );
  assert.deepEqual(order, {
    image: ARM,
    version: "7",
    url: "http://192.0.2.7/stable/arm64",
    lastUpdatedMs: WALL_MS + 5,
    isTold: false,
  });
  assert.ok(!signal.aborted);
  assert.deepEqual(publications.status(at(6)), [{ image: ARM, storedAt: 0 }]);
  assert.deepEqual(publications.tick(at(10_000)), [], "it is running");
  assert.equal(publications.nextDueMs(), Infinity, "nobody has to look");
});

Deno.test("records are dated later and later, over all images, while the clock stands or goes back a minute", () => {
  const publications = openPublications();
  const dates = [
    publications.set({ image: ARM, version: "1" }, at(0)),
    publications.set({ image: PC, version: "1" }, at(0)),
    publications.set({ image: ARM, version: "2" }, at(1)),
    publications.set({ image: ARM, version: "3" }, at(1000, -60_998)),
  ].map((order) => order.lastUpdatedMs - WALL_MS);
  assert.deepEqual(dates, [0, 1, 2, 3]);
});

Deno.test("records are dated by the clock again once it went back by more than a minute", () => {
  const publications = openPublications();
  publications.set({ image: ARM, version: "1" }, at(0, 86_400_000));
  const order = publications.set({ image: ARM, version: "2" }, at(1000));
  assert.equal(order.lastUpdatedMs, WALL_MS + 1000);
});

Deno.test("a record is due again between 0.9 and 1 times the interval", () => {
  for (const [random, dueMs] of [[0, 1620_000], [0.5, 1665_000]] as const) {
    const publications = new DhtPublications({
      urlFor: () => "http://192.0.2.7/",
      ttlSeconds: 3600,
      refreshSeconds: 1800,
      random: () => random,
    });
    const order = publications.set({ image: ARM, version: "1" }, at(0));
    publications.ended(order, told(3), at(0));
    assert.deepEqual(publications.tick(at(dueMs - 1)), []);
    assert.equal(Math.round(publications.nextDueMs()), dueMs);
    assert.equal(publications.tick(at(dueMs + 1)).length, 1);
  }
});

/** Fails so often that the next attempt is a minute away. */
function failOften(
  publications: DhtPublications,
): { gaps: number[]; lastMs: number } {
  let order = publications.set({ image: ARM, version: "1" }, at(0));
  let nowMs = 0;
  const gaps: number[] = [];
  while (true) {
    publications.ended(order, refuse("nobody"), at(nowMs));
    const [status] = publications.status(at(nowMs));
    const dueMs = (status?.nextRefreshMs ?? NaN) - WALL_MS;
    gaps.push(dueMs - nowMs);
    if (gaps.length === 9) return { gaps, lastMs: nowMs };
    nowMs = dueMs;
    order = publications.tick(at(nowMs))[0] ?? assert.fail("not due");
  }
}

Deno.test("what failed is tried again after 1, 2, 4 s and so on, at most a minute", () => {
  assert.deepEqual(
    failOften(openPublications()).gaps,
    [1, 2, 4, 8, 16, 32, 60, 60, 60].map((seconds) => seconds * 1000),
  );
});

Deno.test("250 are published again at once, the next when one of them ends", () => {
  const publications = openMany(260);
  const orders = publications.tick(at(1665_001));
  assert.equal(orders.length, 250);
  assert.deepEqual(publications.tick(at(1665_002)), []);
  assert.equal(publications.nextDueMs(), Infinity, "no use before one ends");
  publications.ended(orders[2] ?? assert.fail(), told(20), at(1665_003));
  assert.ok(publications.nextDueMs() <= 1665_003);
  const further = publications.tick(at(1665_003));
  assert.deepEqual(further.map((o) => o.image.channel), ["c250"]);
});

Deno.test("an image that is published anew voids the attempt before", () => {
  const publications = openPublications();
  const first = publications.set({ image: ARM, version: "1" }, at(0));
  assert.ok(!first.signal.aborted);
  publications.set({ image: ARM, version: "2" }, at(1));
  assert.ok(first.signal.aborted);
  publications.stored(first, at(2));
  assert.equal(publications.ended(first, refuse("nobody"), at(2)), undefined);
  assert.deepEqual(publications.status(at(2)), [{ image: ARM, storedAt: 0 }]);
});

Deno.test("an image that was deleted is neither due nor told of", () => {
  const publications = openPublications();
  const order = publications.set({ image: ARM, version: "1" }, at(0));
  assert.ok(publications.delete(ARM));
  assert.ok(!publications.delete(ARM));
  assert.ok(order.signal.aborted);
  assert.equal(publications.ended(order, refuse("nobody"), at(1)), undefined);
  assert.deepEqual(publications.status(at(1)), []);
  assert.equal(publications.nextDueMs(), Infinity);
});

Deno.test("trouble is told once, and its end once all images are out of it", () => {
  const publications = openPublications();
  const arm = publications.set({ image: ARM, version: "1" }, at(0));
  const pc = publications.set({ image: PC, version: "1" }, at(0));
  assert.match(
    publications.ended(arm, refuse("nobody"), at(1)) ?? "",
    /over the DHT yet \(nobody\)/,
  );
  assert.equal(publications.ended(pc, refuse("nobody"), at(1)), undefined);
  assert.equal(publications.found(ARM), undefined);
  assert.equal(
    publications.found(PC),
    "The DHT has peers now, and images can be found in it",
  );
  assert.equal(publications.found(PC), undefined);
  assert.match(
    publications.missed(PC, "nobody answers", at(5000)) ?? "",
    /over the DHT any more \(nobody answers\)/,
  );
  assert.equal(publications.missed(ARM, "either", at(5000)), undefined);
});

Deno.test("an image that a stranger misses is told again after 1, 2, 4 s and so on", () => {
  const publications = openPublications();
  const order = publications.set({ image: ARM, version: "1" }, at(0));
  publications.ended(order, told(3), at(0));
  const dueMs = () =>
    (publications.status(at(0))[0]?.nextRefreshMs ?? NaN) - WALL_MS;
  publications.missed(ARM, "nobody has it", at(100));
  assert.equal(dueMs(), 1100);
  const [again] = publications.tick(at(1100));
  publications.ended(again ?? order, told(3), at(1200));
  publications.missed(ARM, "nobody has it", at(1300));
  assert.equal(dueMs(), 3300);
  assert.equal(publications.status(at(1300))[0]?.problem, "nobody has it");
  publications.found(ARM);
  assert.equal(publications.status(at(1300))[0]?.problem, undefined);
});

Deno.test("nodes that take the provider and no value count as told", () => {
  const publications = openPublications();
  const order = publications.set({ image: ARM, version: "1" }, at(0));
  const providedAt = ok({ storedAt: 0, providedAt: 20 });
  assert.equal(publications.ended(order, providedAt, at(0)), undefined);
  const before = publications.status(at(0));
  assert.equal(before[0]?.storedAt, 0);
  assert.ok((before[0]?.nextRefreshMs ?? 0) > WALL_MS + 1600_000);
  publications.peerSeen(at(0));
  assert.deepEqual(publications.status(at(0)), before);
});

Deno.test("a new peer gets the record in half a second, 1 s after a failure, 5 s after a success", () => {
  const inMs = (publications: DhtPublications, sinceMs: number) =>
    (publications.status(at(sinceMs))[0]?.nextRefreshMs ?? NaN) - WALL_MS -
    sinceMs;
  for (const [seenMs, dueMs] of [[100, 1000], [700, 1200]] as const) {
    const publications = openPublications();
    const { lastMs } = failOften(publications);
    publications.peerSeen(at(lastMs + seenMs));
    assert.equal(inMs(publications, lastMs), dueMs);
  }
  for (const [seenMs, dueMs] of [[100, 5000], [9000, 9500]] as const) {
    const publications = openPublications();
    const order = publications.set({ image: ARM, version: "1" }, at(0));
    publications.stored(order, at(0));
    publications.ended(order, told(19), at(0));
    publications.peerSeen(at(seenMs));
    assert.equal(inMs(publications, 0), dueMs);
  }
});

Deno.test("peers do not matter to what has all the holders it wants", () => {
  const publications = openMany(1);
  const before = publications.status(at(0));
  publications.peerSeen(at(0));
  assert.deepEqual(publications.status(at(0)), before);
});

Deno.test("address and clock are looked at every five seconds while something is published", () => {
  let host = "10.0.0.7";
  const publications = openPublications({ host: () => host });
  assert.equal(publications.nextDueMs(), Infinity);
  const order = publications.set({ image: ARM, version: "1" }, at(0));
  publications.ended(order, told(20), at(0));
  assert.equal(publications.nextDueMs(), 5000);
  assert.deepEqual(publications.tick(at(5000)), []);
  host = "10.0.0.8";
  assert.equal(publications.nextDueMs(), 10_000);
  const [moved] = publications.tick(at(10_000));
  assert.equal(moved?.url, "http://10.0.0.8/stable/arm64");
  publications.ended(moved ?? order, told(20), at(10_000));
  assert.deepEqual(publications.tick(at(15_000, 60_000)), [], "not a jump yet");
  const [misdated] = publications.tick(at(20_000, 60_001));
  assert.equal(misdated?.lastUpdatedMs, WALL_MS + 80_001);
});

Deno.test("status() says when others took a record, how many, and when they are told again", () => {
  const publications = openPublications();
  const order = publications.set({ image: ARM, version: "1" }, at(0));
  publications.stored(order, at(1000));
  publications.ended(order, told(7), at(2000));
  assert.deepEqual(publications.status(at(2000)), [{
    image: ARM,
    lastPublishedMs: WALL_MS + 1000,
    storedAt: 7,
    nextRefreshMs: WALL_MS + 1665_000,
  }]);
});

Deno.test("peers that came during an attempt matter unless it found all the holders it wants", () => {
  for (const [holders, dueMs] of [[20, 1665_000], [19, 1000]] as const) {
    const publications = openPublications();
    const order = publications.set({ image: ARM, version: "1" }, at(0));
    publications.peerSeen(at(100));
    publications.ended(order, told(holders), at(500));
    const [status] = publications.status(at(500));
    assert.equal(Math.round(status?.nextRefreshMs ?? 0), WALL_MS + dueMs);
  }
});

/** Images whose first attempts have met nobody. */
function openAlone(count: number): DhtPublications {
  const publications = openPublications();
  for (let i = 0; i < count; i++) {
    const image = { channel: `c${i}`, arch: "arm64" };
    const order = publications.set({ image, version: "1" }, at(0));
    publications.metNobody(order, "nobody", at(0));
  }
  return publications;
}

Deno.test("while nobody is met one image is tried again for all, and all at once when somebody is", () => {
  const publications = openAlone(1000);
  const gaps: number[] = [];
  let nowMs = 0;
  let order = undefined;
  for (let i = 0; i < 8; i++) {
    if (order) {
      publications.metNobody(order, "nobody", at(nowMs));
    }
    const [status] = publications.status(at(nowMs));
    const dueMs = (status?.nextRefreshMs ?? NaN) - WALL_MS;
    gaps.push(dueMs - nowMs);
    assert.deepEqual(publications.tick(at(dueMs - 1)), []);
    const orders = publications.tick(at(nowMs = dueMs));
    assert.equal(orders.length, 1, "one for all");
    assert.deepEqual(publications.tick(at(nowMs + 1)), [], "it is running");
    [order] = orders;
  }
  assert.deepEqual(gaps, [1, 2, 4, 8, 16, 32, 60, 60].map((s) => s * 1000));
  assert.ok(order !== undefined);
  publications.stored(order, at(nowMs));
  publications.ended(order, told(1), at(nowMs));
  assert.equal(publications.nextDueMs(), 0);
  assert.equal(publications.tick(at(nowMs)).length, 250);
});

Deno.test("a peer that comes has all published in half a second that met nobody", () => {
  const publications = openAlone(3);
  publications.peerSeen(at(60_000));
  assert.deepEqual(publications.tick(at(60_499)), []);
  assert.equal(publications.tick(at(60_500)).length, 3);
});

Deno.test("where nobody is met records are renewed before they expire, for those who ask us", () => {
  const publications = openAlone(3);
  const renewed = new Set<string>();
  for (let nowMs = 0; nowMs <= 1800_000; nowMs = publications.nextDueMs()) {
    for (const order of publications.tick(at(nowMs))) {
      renewed.add(order.image.channel);
      publications.metNobody(order, "nobody", at(nowMs));
    }
  }
  assert.equal(renewed.size, 3);
});

Deno.test("another image is tried when the one that is tried for all is withdrawn", () => {
  const publications = openAlone(2);
  const [order] = publications.tick(at(1000));
  publications.delete(order?.image ?? assert.fail());
  const [other] = publications.tick(at(1000));
  assert.equal(other?.image.channel, "c1");
});

Deno.test("an image that is missed while nobody is met is not tried by itself", () => {
  const publications = openAlone(2);
  assert.equal(
    publications.missed({ channel: "c1", arch: "arm64" }, "gone", at(10)),
    undefined,
    "the warning was given",
  );
  assert.equal(publications.tick(at(5000)).length, 1);
});

Deno.test("an answer, even of a peer that keeps nothing, ends being alone", () => {
  const publications = openAlone(3);
  publications.answered();
  assert.equal(publications.tick(at(10)).length, 3);
});
